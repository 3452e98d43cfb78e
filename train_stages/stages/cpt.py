"""Continued pre-training on documents, with the loss on every token.

python -m train_stages.stages.cpt --config job.json
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from storage.errors import TrainingError
from storage.releases.shapes import shaped
from train_stages.config import CptConfig, read_config
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, counts, load_tokenizer, memory
from train_stages.process.stage import Progress, StageResult
from train_stages.stages.base import Described, Material, Stage, described

if TYPE_CHECKING:
    from train_stages.data.encode import Encoded
    from train_stages.stages.supervised import Lesson

__all__ = ["CptConfig", "cpt"]


def cpt(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: CptConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Go on pre-training a checkpoint.

    Args:
        parent: The checkpoint to start from.
        rows: Column `text`, one document a row. Optional: `source`, for a mixture; `id`, `difficulty` and `subject`, for the
            order.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to train on, `out` exists, or the loss is no longer a number.
    """
    from train_stages.stages.supervised import train_supervised

    config = config or CptConfig()
    rows = with_replay(rows, config)
    return train_supervised(
        "cpt",
        parent,
        lambda tokenizer: _lesson(tokenizer, rows, config, seed),
        out,
        config,
        seed=seed,
        progress=progress,
    )


def _lesson(tokenizer: Any, rows: pa.Table, config: CptConfig, seed: int) -> "Lesson":
    from train_stages.data.encode import wrap
    from train_stages.data.mixture import blend, mixed_order
    from train_stages.stages.supervised import Lesson, chosen_order

    encoded, described = _encoded(tokenizer, rows, config, seed), Described.of(rows, config.loss.columns)
    phases, facts = 1, {}
    if config.mixture is None:
        order = chosen_order(encoded, described, config, seed)
    else:
        sources = _sources(encoded, rows)
        sizes: dict[str, int] = {}
        for name, length in zip(sources, encoded.lengths, strict=True):
            sizes[name] = sizes.get(name, 0) + length
        blended = blend(sizes, config.mixture, config.budget_tokens or encoded.tokens * config.epochs)
        order = mixed_order(blended, sources, encoded.lengths, seed)
        phases, facts = len(blended.phases), {f"epochs/{name}": epochs for name, epochs in blended.epochs.items()}
    if config.packing == "wrapped":
        encoded, members = wrap(encoded, order.tolist(), config.max_length)
        ids = [[described.ids[number] for number in numbers] for numbers in members]
        order, described = np.arange(encoded.table.num_rows), Described([f"sequence {n}" for n in range(len(ids))])
        return Lesson(encoded, order, described, phases, facts, ids)
    return Lesson(encoded, order, described, phases, facts)


def _encoded(tokenizer: Any, rows: pa.Table, config: CptConfig, seed: int) -> "Encoded":
    from train_stages.data.documents import encode_documents

    texts, ids = rows["text"].to_pylist(), Described.of(rows).ids
    return encode_documents(tokenizer, texts, config.max_length, config.transforms, ids, seed)


def with_replay(rows: pa.Table, config: CptConfig) -> pa.Table:
    """Add the general text that is replayed, as source `general`.

    Raises:
        TrainingError: Its file cannot be read or has no text, or the rows have no column `text`.
    """
    if "text" not in rows.column_names:
        raise TrainingError(f"cpt: rows need a column text; there are {sorted(rows.column_names)}")
    if config.mixture is None or config.mixture.general is None:
        return rows
    general = read_rows(Path(config.mixture.general))
    if "text" not in general.column_names:
        raise TrainingError(f"cpt: {config.mixture.general} needs a column text; there are {general.column_names}")
    count = general.num_rows
    more = pa.table(
        {"text": general["text"], "source": ["general"] * count, "id": [f"general {n}" for n in range(count)]}
    )
    if "source" not in rows.column_names:
        rows = rows.append_column("source", pa.array(["rows"] * rows.num_rows))
    if "id" not in rows.column_names:
        rows = rows.append_column("id", pa.array([str(number) for number in range(rows.num_rows)]))
    return pa.concat_tables([rows.select(["text", "source", "id"]), more.select(["text", "source", "id"])])


def _sources(encoded: "Encoded", rows: pa.Table) -> list[str]:
    """Source of each encoded piece."""
    names = rows["source"].to_pylist() if "source" in rows.column_names else ["rows"] * rows.num_rows
    return [names[number] for number in encoded.table["row"].to_pylist()]


def check_cpt(job: Job) -> dict[str, Any]:
    """Check continued pre-training: there is text, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    from train_stages.data.encode import show_loss
    from train_stages.data.mixture import blend
    from train_stages.stages.supervised import head_of, second_model

    config = read_config(CptConfig, job.options, job.name or "cpt")
    tokenizer, rows = load_tokenizer(job.parent), with_replay(read_rows(job.rows), config)
    if config.mixture is not None:
        names = set(rows["source"].to_pylist()) if "source" in rows.column_names else {"rows"}
        blend(dict.fromkeys(names, 1), config.mixture, 1.0)  # refuses a name that is not there
    encoded = _encoded(tokenizer, rows.slice(0, LOOKED_AT), config, job.seed)
    return {
        **counts(rows.num_rows, encoded),
        "one_row": show_loss(tokenizer, encoded),
        **memory(job.parent, config, copies=2 if second_model(config) else 1, head=head_of(config)),
    }


def texts(material: Material, config: CptConfig) -> pa.Table:
    """Return the rows of a release and the corpora as plain texts: columns `id`, `subject`, `source` and `text`.

    Without a corpus there is `difficulty` too; with one the order goes by length.

    Raises:
        TrainingError: There is no text.
    """
    pairs = [(row, text["text"]) for row in material.samples.to_pylist() for text in shaped([row], "text")]
    if not pairs and not material.corpus.num_rows:
        raise TrainingError(f"cpt: {material.origin} has no rows with text for it")
    rows = described([row for row, _ in pairs])
    rows = rows.append_column("text", pa.array([text for _, text in pairs], pa.string()))
    if not material.corpus.num_rows:
        return rows
    corpus = material.corpus.append_column("subject", material.corpus["source"])
    columns = ["id", "subject", "source", "text"]
    return pa.concat_tables([rows.select(columns), corpus.select(columns)])


def run_cpt(job: Job, progress: Progress) -> StageResult:
    """Do a job of continued pre-training."""
    config = read_config(CptConfig, job.options, job.name or "cpt")
    return cpt(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


CPT = Stage(
    "cpt",
    summary="continued pre-training on texts, with the loss on every token",
    config=CptConfig,
    rows=texts,
    check=check_cpt,
    run=run_cpt,
    reads_corpora=True,
    visits=("order.parquet", "row"),
    files=lambda config: [Path(config.mixture.general)] if config.mixture and config.mixture.general else [],
)

if __name__ == "__main__":
    main(CPT.name, CPT.run, CPT.check)

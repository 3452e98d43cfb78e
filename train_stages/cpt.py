"""Continued pre-training on documents, with the loss on every token."""

from pathlib import Path

import pyarrow as pa

from train_stages.config import CptConfig, read_config
from train_stages.job import Job, main, read_rows
from train_stages.stage import Progress, StageResult, load

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
        rows: Column `text`, one document a row; other columns are ignored.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to train on, `out` exists, or the loss is no longer a number.
    """
    from train_stages.encode import encode_texts
    from train_stages.supervised import Described, train_supervised

    config = config or CptConfig()
    model, tokenizer = load(parent, config, packed=config.packing == "best_fit")
    encoded = encode_texts(tokenizer, rows["text"].to_pylist(), config.max_length)
    return train_supervised(
        "cpt",
        model,
        tokenizer,
        encoded,
        described=Described.of(rows),
        parent=parent,
        out=out,
        config=config,
        seed=seed,
        progress=progress,
    )


def _run(job: Job, progress: Progress) -> StageResult:
    config = read_config(CptConfig, job.options, job.name or "cpt")
    return cpt(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


if __name__ == "__main__":
    from train_stages.preflight import check_cpt

    main("cpt", _run, check_cpt)

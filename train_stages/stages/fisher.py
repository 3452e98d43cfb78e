"""Which weights matter for what a model can do: the diagonal of the Fisher information (arXiv:1612.00796), for `ewc`.

    python -m train_stages.stages.fisher --config job.json

    plan:
      - fisher: {from: incumbent, methods: [gold]}        # what must not be forgotten
      - sft: {regularisers: {kind: ewc, weight: 10}}

The checkpoint is the one that it starts from, unchanged, with the measurement beside the weights. Rows are looked at one by one:
the mean over rows of the squared gradient of the log-probability of a row's tokens. It takes two more copies of the weights.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from storage.errors import TrainingError
from storage.ids import digest, seed_from
from storage.models.adapters import is_adapter
from storage.models.checkpoints import checkpoint_digest
from train_stages.config import FisherConfig, SftConfig, read_config
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import LOOKED_AT, counts, load_tokenizer
from train_stages.process.regularising import IMPORTANCE
from train_stages.process.stage import MANIFEST, Progress, StageResult, load
from train_stages.process.states import output_folder, write_json
from train_stages.stages.base import Material, Stage
from train_stages.stages.sft import chats, encode

__all__ = ["FisherConfig", "fisher"]


def fisher(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: FisherConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Measure a checkpoint, and write it with the measurement.

    Args:
        parent: The checkpoint, whole weights.
        rows: As `sft` takes them.
        out: Where the checkpoint goes; it must not exist.
        config: Settings.
        seed: Of which rows are looked at, and of the tokens that are drawn.
        progress: Told after each row.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: It is an adapter, there are no rows, or `out` exists.
    """
    config = config or FisherConfig()
    if is_adapter(parent):
        raise TrainingError(
            "fisher: it is measured on whole weights, and this is an adapter: put a stage merge before it"
        )
    loading = _as_sft(config)
    model, tokenizer = load(parent, loading)
    encoded = encode(tokenizer, rows, loading)
    drawn = np.random.default_rng(seed_from("fisher", seed)).permutation(encoded.table.num_rows)[: config.examples]
    chosen = encoded.table.take(pa.array(np.sort(drawn)))
    identity = digest("fisher", checkpoint_digest(parent), encoded.digest, config.model_dump(mode="json"), seed)
    with output_folder(out, identity) as folder:
        measured, tokens = information(model, chosen, config, seed, progress)
        shutil.copytree(parent, folder, dirs_exist_ok=True)
        np.savez_compressed(folder / IMPORTANCE, **measured)  # type: ignore[arg-type]
        total = sum(float(values.sum()) for values in measured.values())
        metrics = {"rows": float(chosen.num_rows), "information": total}
        manifest = {
            "stage": "fisher", "parent": parent.name, "config": config.model_dump(mode="json"), "metrics": metrics,
            "tokens": tokens, "history": [],
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)
    return StageResult(out, metrics, tokens, 0.0)


def information(
    model: Any, rows: pa.Table, config: FisherConfig, seed: int, progress: Progress | None = None
) -> tuple[dict[str, "np.ndarray[Any, Any]"], int]:
    """Return the diagonal of the Fisher information by parameter, float32 in its shape, and the tokens that were read.

    Args:
        model: The model.
        rows: Columns `input_ids` and `labels`; a token whose label is -100 does not count.
        config: Whose labels are taken.
        seed: Of the tokens that are drawn.
        progress: Told after each row.
    """
    import torch

    generator = torch.Generator().manual_seed(seed_from("fisher labels", seed) % 2**63)
    model.eval()
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    tokens = 0
    for number, row in enumerate(rows.select(["input_ids", "labels"]).to_pylist(), 1):
        ids = torch.tensor([row["input_ids"]], device=model.device)
        labels = torch.tensor(row["labels"][1:], device=model.device)
        logs = model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)[labels >= 0]
        if config.labels == "model":
            drawn = torch.multinomial(logs.detach().exp().cpu(), 1, generator=generator)[:, 0].to(model.device)
        else:
            drawn = labels[labels >= 0]
        model.zero_grad(set_to_none=True)
        logs.gather(1, drawn[:, None]).sum().backward()
        for name, weight in weights.items():
            if weight.grad is not None:
                total[name] += weight.grad**2
        tokens += len(row["input_ids"])
        if progress is not None:
            progress("fisher", number, rows.num_rows)
    return {name: (values / rows.num_rows).float().cpu().numpy() for name, values in total.items()}, tokens


def _as_sft(config: FisherConfig) -> SftConfig:
    """The settings by which `sft` would encode the same rows."""
    names = ("max_length", "mask", "chat_template", "device", "threads")
    return SftConfig(**{name: getattr(config, name) for name in names})


def check_fisher(job: Job) -> dict[str, Any]:
    """Check a measurement: the template renders, and some token counts.

    Raises:
        CheckpointError: The parent's tokenizer cannot be loaded.
        TrainingError: It is an adapter, or no token counts.
    """
    config = read_config(FisherConfig, job.options, job.name or "fisher")
    rows = read_rows(job.rows)
    return counts(rows.num_rows, encode(load_tokenizer(job.parent), rows.slice(0, LOOKED_AT), _as_sft(config)))


def rows_of(material: Material, config: FisherConfig) -> pa.Table:
    """Return the rows of a release as chats, see `train_stages.stages.sft.chats`."""
    return chats(material, _as_sft(config))


def run_fisher(job: Job, progress: Progress) -> StageResult:
    """Do a job of measuring."""
    config = read_config(FisherConfig, job.options, job.name or "fisher")
    return fisher(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


FISHER = Stage(
    "fisher",
    summary="which weights matter for the rows of the stage, for the regulariser ewc; nothing is trained",
    config=FisherConfig,
    rows=rows_of,
    check=check_fisher,
    run=run_fisher,
)

if __name__ == "__main__":
    main(FISHER.name, FISHER.run, FISHER.check)

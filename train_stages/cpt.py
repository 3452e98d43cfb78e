"""Continued pre-training on documents, with the loss on every token."""

from pathlib import Path

import pyarrow as pa

from train_stages.config import CptConfig
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
    from train_stages.supervised import train_supervised

    config = config or CptConfig()
    model, tokenizer = load(parent, config)
    encoded = encode_texts(tokenizer, rows["text"].to_pylist(), config.max_length)
    return train_supervised(
        "cpt", model, tokenizer, encoded, parent=parent, out=out, config=config, seed=seed, progress=progress
    )

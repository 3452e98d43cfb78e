"""Supervised fine-tuning on conversations, with the loss on the assistant's turns only."""

from pathlib import Path

import pyarrow as pa

from train_stages.config import SftConfig
from train_stages.stage import Progress, StageResult, load

__all__ = ["SftConfig", "sft"]


def sft(
    parent: Path,
    rows: pa.Table,
    out: Path,
    config: SftConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StageResult:
    """Fine-tune a checkpoint.

    Args:
        parent: The checkpoint to start from.
        rows: Column `messages`, a list of `{role, content}`; other columns are ignored.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order of the rows.
        progress: Told after each step.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is nothing to train on, `out` exists, or the loss is no longer a number.
    """
    from train_stages.encode import encode_conversations
    from train_stages.supervised import train_supervised

    config = config or SftConfig()
    model, tokenizer = load(parent, config)
    encoded = encode_conversations(tokenizer, rows["messages"].to_pylist(), config.max_length)
    return train_supervised(
        "sft", model, tokenizer, encoded, parent=parent, out=out, config=config, seed=seed, progress=progress
    )

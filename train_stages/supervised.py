"""The part that continued pre-training and supervised fine-tuning share: TRL's SFTTrainer on encoded rows."""

import math
from pathlib import Path
from typing import Any

from train_stages.config import CptConfig, SftConfig
from train_stages.encode import Encoded, to_dataset
from train_stages.stage import (
    Progress,
    StageResult,
    callbacks,
    common_arguments,
    on_gpu,
    optimisers,
    output_folder,
    run,
)


def train_supervised(
    stage: str,
    model: Any,
    tokenizer: Any,
    encoded: Encoded,
    *,
    parent: Path,
    out: Path,
    config: CptConfig | SftConfig,
    seed: int,
    progress: Progress | None,
) -> StageResult:
    """Train `model` on encoded rows, batches by length, and write the checkpoint to `out`."""
    from trl import SFTConfig, SFTTrainer

    rows = encoded.table.num_rows
    mean_length = config.max_length if config.packing else encoded.tokens / rows
    if config.packing:
        rows = math.ceil(encoded.tokens / config.max_length)
    micro_tokens = min(config.micro_batch_tokens or config.batch_tokens, config.batch_tokens)
    micro_rows = max(1, min(rows, round(micro_tokens / mean_length)))
    accumulate = max(1, round(config.batch_tokens / mean_length / micro_rows))
    per_epoch = rows / (micro_rows * accumulate)
    epochs = config.budget_tokens / encoded.tokens if config.budget_tokens else config.epochs
    steps = max(1, round(per_epoch * epochs))

    with output_folder(out) as folder:
        arguments = SFTConfig(
            **common_arguments(folder, config, steps=steps, seed=seed),
            per_device_train_batch_size=micro_rows,
            gradient_accumulation_steps=accumulate,
            max_length=config.max_length,
            packing=config.packing,
            train_sampling_strategy="random" if config.packing else "group_by_length",
            dataset_kwargs=None if config.packing else {"skip_prepare_dataset": True},
        )
        trainer = SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=to_dataset(encoded.table),
            processing_class=tokenizer,
            optimizers=optimisers(model, config),
            callbacks=callbacks(stage, progress),
        )
        facts = {
            "rows": float(encoded.table.num_rows),
            "rows_too_long": float(encoded.too_long),
            "rows_without_loss": float(encoded.without_loss),
            "epochs": epochs,
            "gpu": float(on_gpu(config)),
        }
        tokens = round(encoded.tokens * epochs)
        return run(trainer, folder, out, stage=stage, parent=parent, config=config, tokens=tokens, facts=facts)

"""The part that continued pre-training and supervised fine-tuning share: TRL's SFTTrainer on planned micro-batches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.ids import digest
from train_stages.config import SupervisedConfig
from train_stages.data.batches import Plan, plan_packed, plan_padded, planned
from train_stages.data.encode import Encoded, to_dataset
from train_stages.orders.base import Order, kendall_tau, order_rows
from train_stages.process.resume import output_folder
from train_stages.process.stage import (
    Progress,
    StageResult,
    callbacks,
    common_arguments,
    load,
    on_gpu,
    run,
    stage_identity,
    world_size,
)
from train_stages.process.trainer import configured, supervised_trainer
from train_stages.stages.base import Described

ORDER_FILE = "order.parquet"


def train_supervised(
    stage: str,
    model: Any,
    tokenizer: Any,
    encoded: Encoded,
    order: Order,
    *,
    described: Described,
    parent: Path,
    out: Path,
    config: SupervisedConfig,
    seed: int,
    progress: Progress | None,
    phases: int = 1,
    facts: dict[str, float] | None = None,
) -> StageResult:
    """Train `model` on encoded rows and write the checkpoint to `out`, the order that was used beside the weights.

    Args:
        stage: Name of the stage.
        model: The model.
        tokenizer: Its tokenizer.
        encoded: The rows.
        order: Which of them comes when, `chosen_order` or a mixture's.
        described: Where the rows come from.
        parent: The checkpoint that `model` was loaded from.
        out: Where to; must not exist.
        config: Settings.
        seed: Seed of everything random in the plan.
        progress: Told after each step.
        phases: More than one: rows must not wander far to pad less.
        facts: Further figures for the metrics.
    """
    from trl import SFTConfig, SFTTrainer

    packed = config.isolated
    mixed = phases == 1 and config.order.movable
    numbers, difficulty, _ = _describe(encoded, described)
    plan = _plan(encoded, order, config, packed=packed, mixed=mixed, seed=seed)
    columns = {name: [values[number] for number in numbers] for name, values in described.columns.items()}
    rows = digest(encoded.digest, columns) if columns else encoded.digest
    identity = stage_identity(stage, parent, rows, config, seed)
    with output_folder(out, identity) as folder:
        arguments = SFTConfig(
            **common_arguments(folder, config, steps=plan.steps, seed=seed),
            per_device_train_batch_size=1,  # the plan has the true sizes
            gradient_accumulation_steps=plan.accumulate,
            max_length=None,  # the rows were cut or left out already
            padding_free=packed,
            loss_type=config.loss.trl or "nll",
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        reference = load(parent, config, packed=packed)[0] if config.loss.needs_reference else None
        trainer_class = supervised_trainer(configured(planned(SFTTrainer, plan), config), config.loss, reference)
        trainer = trainer_class(
            model=model,
            args=arguments,
            train_dataset=to_dataset(encoded.table, columns),
            processing_class=tokenizer,
            callbacks=callbacks(stage, progress),
        )
        figures = {
            "rows": float(encoded.table.num_rows),
            "rows_too_long": float(encoded.too_long),
            "rows_without_loss": float(encoded.without_loss),
            "epochs": plan.tokens / encoded.tokens,
            "distinct_rows": float(len(np.unique(order))),
            "order_tau": kendall_tau(order, difficulty),
            "fill": plan.fill,
            "gpu": float(on_gpu(config)),
            **(facts or {}),
        }
        if trainer.is_world_process_zero():
            _keep_order(folder / ORDER_FILE, plan, [described.ids[number] for number in numbers])
        return run(trainer, folder, out, stage=stage, parent=parent, config=config, tokens=plan.tokens, facts=figures)


def chosen_order(encoded: Encoded, described: Described, config: SupervisedConfig, seed: int) -> Order:
    """Put encoded rows in the order that `config.order` says, for `epochs` or `budget_tokens`."""
    _, difficulty, subjects = _describe(encoded, described)
    visits = _visits(encoded, config)
    order = order_rows(visits, config.order, difficulty=difficulty, subjects=subjects, seed=seed)
    return _within_budget(encoded, order, config)


def _describe(encoded: Encoded, described: Described) -> tuple[list[int], Sequence[float], Sequence[str] | None]:
    """Difficulty and subject of each encoded row; a document that was cut has several."""
    numbers: list[int] = encoded.table["row"].to_pylist()
    difficulty: Sequence[float] = encoded.lengths
    if described.difficulty is not None:
        difficulty = [described.difficulty[number] for number in numbers]
    subjects = None if described.subjects is None else [described.subjects[number] for number in numbers]
    return numbers, difficulty, subjects


def _visits(encoded: Encoded, config: SupervisedConfig) -> int:
    rows: int = encoded.table.num_rows
    if config.budget_tokens is None:
        return max(1, round(rows * config.epochs))
    return rows * -(-config.budget_tokens // encoded.tokens) * 2  # enough for an order that prefers short rows


def _within_budget(encoded: Encoded, order: Order, config: SupervisedConfig) -> Order:
    if config.budget_tokens is None:
        return order
    seen = np.cumsum(np.asarray(encoded.lengths)[order])
    return order[: max(1, int(np.searchsorted(seen, config.budget_tokens, side="right")))]


def _plan(encoded: Encoded, order: Order, config: SupervisedConfig, *, packed: bool, mixed: bool, seed: int) -> Plan:
    world = world_size()
    if packed:
        capacity = min(config.max_length, config.micro_batch_tokens or config.max_length)
        capacity = max(capacity, *encoded.lengths, 1)
        return plan_packed(
            encoded.lengths,
            order,
            batch_tokens=config.batch_tokens,
            capacity=capacity,
            mixed=mixed,
            seed=seed,
            world=world,
        )
    micro = config.micro_batch_tokens or config.batch_tokens
    return plan_padded(
        encoded.lengths,
        order,
        batch_tokens=config.batch_tokens,
        micro_tokens=micro,
        mixed=mixed,
        seed=seed,
        world=world,
    )


def _keep_order(path: Path, plan: Plan, ids: Sequence[str]) -> None:
    """Write which row was in which micro-batch of which step, one line a visit, in the order of training."""
    batches: list[int] = []
    rows: list[str] = []
    for number, batch in enumerate(plan.batches):
        batches.extend([number] * len(batch))
        rows.extend(ids[row] for row in batch)
    per_step = max(1, -(-len(plan.batches) // plan.steps))
    table = pa.table(
        {
            "step": pa.array([number // per_step + 1 for number in batches], pa.int64()),
            "micro_batch": pa.array(batches, pa.int64()),
            "row": pa.array(rows, pa.string()),
        }
    )
    pq.write_table(table, path, compression="zstd")

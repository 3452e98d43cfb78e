"""The part that continued pre-training and supervised fine-tuning share: TRL's SFTTrainer on planned micro-batches."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from train_stages.process.layer_search import FILE as SEARCHED
from train_stages.process.layer_search import with_searched_layers
from train_stages.process.memory import Head
from train_stages.process.selecting import selecting
from train_stages.process.stage import (
    Progress,
    StageResult,
    adapter_arguments,
    callbacks,
    common_arguments,
    load,
    on_gpu,
    run,
    stage_identity,
    world_size,
)
from train_stages.process.states import STATES, output_folder
from train_stages.process.trainer import configured, supervised_trainer
from train_stages.stages.base import Described

ORDER_FILE = "order.parquet"


@dataclass(frozen=True)
class Lesson:
    """What is learned, and in which order.

    Attributes:
        encoded: The rows.
        order: Which of them comes when, `chosen_order` or a mixture's.
        described: Where the rows come from.
        phases: More than one: rows must not wander far to pad less.
        facts: Further figures for the metrics.
        members: By the number of an encoded row, the ids of the rows in it; None where each is one.
    """

    encoded: Encoded
    order: Order
    described: Described
    phases: int = 1
    facts: Mapping[str, float] = field(default_factory=dict)
    members: Sequence[Sequence[str]] | None = None

    @property
    def ids(self) -> list[Sequence[str]]:
        """Ids of the rows in each encoded row."""
        members = self.members or [[row] for row in self.described.ids]
        return [members[number] for number in self.encoded.table["row"].to_pylist()]


def train_supervised(
    stage: str,
    parent: Path,
    lesson_of: Callable[[Any], Lesson],
    out: Path,
    config: SupervisedConfig,
    *,
    seed: int,
    progress: Progress | None,
) -> StageResult:
    """Train a checkpoint on encoded rows and write the result to `out`, the order that was used beside the weights.

    Args:
        stage: Name of the stage.
        parent: The checkpoint to start from.
        lesson_of: Encodes the rows with the checkpoint's tokenizer.
        out: Where to; must not exist.
        config: Settings.
        seed: Seed of everything random in the plan.
        progress: Told after each step.
    """
    model, tokenizer = load(parent, config, packed=config.isolated)
    lesson = lesson_of(tokenizer)
    encoded, numbers = lesson.encoded, lesson.encoded.table["row"].to_pylist()
    mixed = lesson.phases == 1 and config.order.movable
    plan = _plan(encoded, lesson.order, config, packed=config.isolated, mixed=mixed, seed=seed)
    columns = {name: [values[number] for number in numbers] for name, values in lesson.described.columns.items()}
    content = digest(encoded.digest, columns) if columns else encoded.digest
    with output_folder(out, stage_identity(stage, parent, content, config, seed)) as folder:
        kept = folder / STATES / SEARCHED
        training = with_searched_layers(config, model, encoded.table, kept, seed)
        trainer = _trainer(
            folder,
            plan,
            training,
            seed,
            reference=load(parent, config, packed=config.isolated)[0] if second_model(config) else None,
            model=model,
            train_dataset=to_dataset(encoded.table, columns),
            processing_class=tokenizer,
            callbacks=callbacks(stage, progress),
        )
        if trainer.is_world_process_zero():
            _keep_order(folder / ORDER_FILE, plan, lesson.ids)
        if kept.exists():
            shutil.copyfile(kept, folder / SEARCHED)
        figures = _figures(lesson, plan, config)

        def facts() -> dict[str, float]:
            return figures | (trainer.selected if config.select is not None else {})

        def tokens() -> int:
            return plan.tokens if config.select is None else int(trainer.selected["tokens_learned"])

        return run(trainer, folder, out, stage=stage, parent=parent, config=config, tokens=tokens, facts=facts)


def second_model(config: SupervisedConfig) -> bool:
    """Whether a second model is loaded as the reference; with an adapter it is the model itself, its adapter switched off."""
    return config.loss.needs_reference and config.adapter is None


def head_of(config: SupervisedConfig) -> Head:
    """How log-probabilities are computed, for the estimate of memory: TRL's losses tile by tile, all others from all logits."""
    return "chunked" if config.loss.trl is not None and config.select is None else "whole"


def _trainer(folder: Path, plan: Plan, config: SupervisedConfig, seed: int, *, reference: Any, **arguments: Any) -> Any:
    """TRL's trainer for the loss, on the planned micro-batches."""
    from trl import SFTConfig, SFTTrainer

    settings = SFTConfig(
        **common_arguments(folder, config, steps=plan.steps, seed=seed),
        per_device_train_batch_size=1,  # the plan has the true sizes
        gradient_accumulation_steps=plan.accumulate,
        max_length=None,  # the rows were cut or left out already
        padding_free=config.isolated,
        loss_type=config.loss.trl or "nll",
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = supervised_trainer(configured(planned(SFTTrainer, plan), config), config.loss, reference)
    if config.select is not None:
        trainer = selecting(trainer, config.select.begin(sum(map(len, plan.batches)), seed), config.loss.columns)
    return trainer(args=settings, **arguments, **adapter_arguments(config))


def _figures(lesson: Lesson, plan: Plan, config: SupervisedConfig) -> dict[str, float]:
    encoded, order = lesson.encoded, lesson.order
    difficulty, _ = _describe(encoded, lesson.described)
    return {
        "rows": float(encoded.table.num_rows),
        "rows_too_long": float(encoded.too_long),
        "rows_without_loss": float(encoded.without_loss),
        "epochs": plan.tokens / encoded.tokens,
        "distinct_rows": float(len(np.unique(order))),
        "order_tau": kendall_tau(order, difficulty),
        "fill": plan.fill,
        "gpu": float(on_gpu(config)),
        **lesson.facts,
    }


def chosen_order(encoded: Encoded, described: Described, config: SupervisedConfig, seed: int) -> Order:
    """Put encoded rows in the order that `config.order` says, for `epochs` or `budget_tokens`."""
    difficulty, subjects = _describe(encoded, described)
    visits = _visits(encoded, config)
    order = order_rows(visits, config.order, difficulty=difficulty, subjects=subjects, seed=seed)
    return _within_budget(encoded, order, config)


def _describe(encoded: Encoded, described: Described) -> tuple[Sequence[float], Sequence[str] | None]:
    """Difficulty and subject of each encoded row; a document that was cut has several."""
    numbers: list[int] = encoded.table["row"].to_pylist()
    difficulty: Sequence[float] = encoded.lengths
    if described.difficulty is not None:
        difficulty = [described.difficulty[number] for number in numbers]
    subjects = None if described.subjects is None else [described.subjects[number] for number in numbers]
    return difficulty, subjects


def _visits(encoded: Encoded, config: SupervisedConfig) -> int:
    rows: int = encoded.table.num_rows
    if config.budget_tokens is None:
        return max(1, round(rows * config.epochs))
    return rows * -(-config.budget_tokens // encoded.tokens) * 2  # enough for an order that prefers short rows


def _within_budget(encoded: Encoded, order: Order, config: SupervisedConfig) -> Order:
    if config.budget_tokens is None:
        return order
    tokens_so_far = np.cumsum(np.asarray(encoded.lengths)[order])
    return order[: max(1, int(np.searchsorted(tokens_so_far, config.budget_tokens, side="right")))]


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


def _keep_order(path: Path, plan: Plan, ids: Sequence[Sequence[str]]) -> None:
    """Write which row was in which micro-batch of which step, one line a visit, in the order of training."""
    visits = [(number, row_id) for number, batch in enumerate(plan.batches) for row in batch for row_id in ids[row]]
    per_step = max(1, -(-len(plan.batches) // plan.steps))
    table = pa.table(
        {
            "step": pa.array([number // per_step + 1 for number, _ in visits], pa.int64()),
            "micro_batch": pa.array([number for number, _ in visits], pa.int64()),
            "row": pa.array([row_id for _, row_id in visits], pa.string()),
        }
    )
    pq.write_table(table, path, compression="zstd")

"""Which rows go through the model together, planned before training starts: micro-batches, in the order of training.

A plan depends on the rows and the seed alone. A killed stage skips what it had done and goes on with the same
micro-batches, whatever the state of any random number generator.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from train_stages.orders.base import Order

WINDOW = 50
"""Optimiser steps among which rows of one length are brought together, when nothing depends on the order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Micro-batches and what follows from them.

    Attributes:
        batches: Row numbers of each micro-batch of one process.
        accumulate: Micro-batches in an optimiser step, per process.
        steps: Optimiser steps.
        tokens: Tokens of all visits, padding not counted.
        capacity: Tokens that a packed micro-batch can hold; None without packing.
    """

    batches: list[list[int]]
    accumulate: int
    steps: int
    tokens: int
    capacity: int | None = None

    @property
    def fill(self) -> float:
        """Share of the packed places that hold a token; 1 without packing."""
        return self.tokens / (self.capacity * len(self.batches)) if self.capacity else 1.0


def plan_padded(
    lengths: Sequence[int],
    order: Order,
    *,
    batch_tokens: int,
    micro_tokens: int,
    mixed: bool,
    seed: int,
    world: int = 1,
) -> Plan:
    """Micro-batches of a fixed number of rows, padded to the longest one.

    Args:
        lengths: Tokens of each row.
        order: Row numbers in the order of learning.
        batch_tokens: Tokens in an optimiser step, of all processes together, by the mean length.
        micro_tokens: Tokens that go through the model at once, by the mean length.
        mixed: Rows may be moved by up to `WINDOW` steps to pad less; otherwise only within their own step.
        seed: Seed of the order of micro-batches within a window.
        world: Processes that share the work.
    """
    sizes = np.asarray(lengths)
    mean = float(sizes[order].mean())
    rows = max(1, min(len(order), len(sizes), round(min(micro_tokens, batch_tokens / world) / mean)))
    accumulate = max(1, round(batch_tokens / mean / rows / world))
    group = rows * accumulate * world
    window = min(group * WINDOW, len(sizes)) if mixed else group  # no row twice in a micro-batch of a short pass
    rng = np.random.default_rng([seed, 0xBA7C])
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        part = order[start : start + window]
        part = part[np.argsort(-sizes[part], kind="stable")]
        cut = [part[at : at + rows].tolist() for at in range(0, len(part), rows)]
        if mixed:
            cut = [cut[at] for at in rng.permutation(len(cut))]
        batches.extend(cut)
    return _finish(batches, sizes, accumulate, world)


def with_twins(plan: Plan) -> Plan:
    """Return a plan of rows that come in twos, made of one of their twos: 2k and 2k + 1 stand beside each other."""
    return replace(plan, batches=[[row for two in batch for row in (2 * two, 2 * two + 1)] for batch in plan.batches])


def plan_packed(
    lengths: Sequence[int], order: Order, *, batch_tokens: int, capacity: int, mixed: bool, seed: int, world: int = 1
) -> Plan:
    """Micro-batches that are one packed sequence each, filled by best fit, longest row first.

    Args:
        lengths: Tokens of each row, at most `capacity`.
        order: Row numbers in the order of learning.
        batch_tokens: Tokens in an optimiser step, of all processes together; at least one sequence for each.
        capacity: Tokens of a packed sequence.
        mixed: Rows may be moved by up to `WINDOW` steps to fill better; otherwise by one step or two.
        seed: Seed of the order of sequences within a window.
        world: Processes that share the work.
    """
    sizes = np.asarray(lengths)
    accumulate = max(1, round(batch_tokens / capacity / world))
    per_step = max(1, round(accumulate * world * capacity / float(sizes[order].mean())))
    window = per_step * (WINDOW if mixed else 1)
    rng = np.random.default_rng([seed, 0xBA7C])
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        part = order[start : start + window].tolist()
        packs = [[part[index] for index in pack] for pack in best_fit([int(sizes[row]) for row in part], capacity)]
        batches.extend(packs[at] for at in (rng.permutation(len(packs)) if mixed else range(len(packs))))
    return _finish(batches, sizes, accumulate, world, capacity)


def best_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put items into as few bins as best fit decreasing finds; no item is cut.

    Returns:
        The places in `lengths` that each bin holds.
    """
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), sorted: the first that is large enough fits best
    for item in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        length = lengths[item]
        if length > capacity:
            raise ValueError(f"an item of {length} does not fit into {capacity}")
        fitting = bisect.bisect_left(free, (length, -1))
        if fitting == len(free):
            bins.append([])
            room, number = capacity, len(bins) - 1
        else:
            room, number = free.pop(fitting)
        bins[number].append(item)
        bisect.insort(free, (room - length, number))
    return bins


def _finish(batches: list[list[int]], sizes: Any, accumulate: int, world: int, capacity: int | None = None) -> Plan:
    if world > 1:  # every process takes the same number of steps
        whole = len(batches) - len(batches) % (accumulate * world)
        batches = batches[: whole or len(batches) - len(batches) % world]
    steps = -(-len(batches) // (accumulate * world))
    tokens = int(sum(int(sizes[row]) for batch in batches for row in batch))
    return Plan(batches, accumulate, max(1, steps), tokens, capacity)


def planned(trainer: type[Any], plan: Plan) -> type[Any]:
    """A trainer class that takes its micro-batches from a plan instead of a sampler."""
    from torch.utils.data import DataLoader

    class Planned(trainer):  # type: ignore[misc, unused-ignore]
        """Reads the planned micro-batches, one after the other."""

        def get_train_dataloader(self) -> Any:
            rows = self._remove_unused_columns(self.train_dataset, description="training")
            loader = DataLoader(
                rows,
                batch_sampler=_Batches(plan.batches),
                collate_fn=self.data_collator,
                pin_memory=self.args.dataloader_pin_memory,
            )
            # Told of a batch size, accelerate would drop every round of micro-batches that has other sizes.
            self.accelerator.dataloader_config.even_batches = False
            return self.accelerator.prepare(loader)

    Planned.__name__ = trainer.__name__
    return Planned


class _Batches:
    """A batch sampler over a list; `batch_size` and `drop_last` are what accelerate asks of one."""

    batch_size = None
    drop_last = False

    def __init__(self, batches: list[list[int]]) -> None:
        self._batches = batches

    def __iter__(self) -> Any:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)

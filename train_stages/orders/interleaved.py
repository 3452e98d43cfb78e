"""Interleaved order: all subjects advance together."""

from typing import ClassVar

import numpy as np

from train_stages.orders.base import Example, Order, Ordering, Rows


class Interleaved(Ordering):
    """Level after level of difficulty, and round robin over the subjects within a level (CORGI's global interleaving)."""

    name: ClassVar[str] = "interleaved"
    paper: ClassVar[str] = "arXiv:2310.09518"
    examples: ClassVar[tuple[Example, ...]] = (Example([2.0, 1.0, 2.0, 1.0], [1, 3, 0, 2], ["a", "a", "b", "b"]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Sort by level, then by a row's turn among those of its level and subject, then by subject."""
        turns: dict[tuple[float, str], int] = {}
        keys = []
        for row in shuffled.tolist():
            level = (float(rows.difficulty[row]), rows.subjects[row])
            turns[level] = turns.get(level, -1) + 1
            keys.append((level[0], turns[level], level[1], row))
        return np.array([key[3] for key in sorted(keys)], dtype=np.int64)

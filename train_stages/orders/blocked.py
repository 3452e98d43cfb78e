"""Blocked order: one subject after the other."""

from typing import ClassVar

import numpy as np

from train_stages.orders.base import Example, Order, Ordering, Rows


class Blocked(Ordering):
    """One subject after the other, each from easy to hard: the control of interleaving."""

    name: ClassVar[str] = "blocked"
    paper: ClassVar[str] = "arXiv:2310.09518"
    examples: ClassVar[tuple[Example, ...]] = (Example([3.0, 1.0, 2.0, 1.0], [1, 0, 3, 2], ["a", "a", "b", "b"]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Sort by subject, then by difficulty."""
        return np.array(sorted(shuffled, key=lambda row: (rows.subjects[row], rows.difficulty[row])), dtype=np.int64)

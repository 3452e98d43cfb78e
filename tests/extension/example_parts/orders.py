"""An easy row, a hard row, and again."""

from typing import ClassVar

import numpy as np

from train_stages.orders.base import Example, Order, Ordering, Rows


class Zigzag(Ordering):
    """The easiest row that is left and the hardest one in turn, so that every batch holds both."""

    name: ClassVar[str] = "example_zigzag"
    examples: ClassVar[tuple[Example, ...]] = (Example([3.0, 1.0, 4.0, 2.0], [1, 2, 3, 0]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Take from both ends of the rows by difficulty."""
        by_difficulty = shuffled[np.argsort(rows.difficulty[shuffled], kind="stable")]
        half = -(-len(by_difficulty) // 2)
        order = np.empty_like(by_difficulty)
        order[0::2], order[1::2] = by_difficulty[:half], by_difficulty[half:][::-1]
        return order

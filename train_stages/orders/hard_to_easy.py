"""A reversed curriculum: hard rows first."""

from typing import ClassVar

import numpy as np

from train_stages.orders.base import Example, Order, Ordering, Rows


class HardToEasy(Ordering):
    """Each pass begins with the hardest row and ends with the easiest: the control of a curriculum."""

    name: ClassVar[str] = "hard_to_easy"
    examples: ClassVar[tuple[Example, ...]] = (Example([3.0, 1.0, 2.0], [0, 2, 1]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Sort by difficulty; ties stay as they were shuffled."""
        sorted_places = np.argsort(-rows.difficulty[shuffled], kind="stable")
        return np.asarray(shuffled[sorted_places], dtype=np.int64)

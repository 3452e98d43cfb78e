"""A curriculum: easy rows first."""

from typing import ClassVar

import numpy as np

from train_stages.orders.base import Example, Order, Ordering, Rows


class EasyToHard(Ordering):
    """Each pass begins with the easiest row and ends with the hardest."""

    name: ClassVar[str] = "easy_to_hard"
    examples: ClassVar[tuple[Example, ...]] = (Example([3.0, 1.0, 2.0], [1, 2, 0]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Sort by difficulty; ties stay as they were shuffled."""
        sorted_places = np.argsort(rows.difficulty[shuffled], kind="stable")
        return np.asarray(shuffled[sorted_places], dtype=np.int64)

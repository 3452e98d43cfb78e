"""Random order: the rows shuffled anew in each pass."""

from typing import ClassVar

from train_stages.orders.base import Example, Order, Ordering, Rows


class Random(Ordering):
    """Permutation after permutation, so that no row is seen twice before all were."""

    name: ClassVar[str] = "random"
    movable: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (Example([1.0], [0, 0, 0]),)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Return `shuffled`."""
        return shuffled

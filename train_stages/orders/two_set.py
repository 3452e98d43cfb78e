"""Two-set training: a small set of rows that is repeated, among others that are seen once."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from train_stages.orders.base import Example, Order, Ordering, Rows


class TwoSet(Ordering):
    """Repeat a small, fixed, random set of rows among single-use ones.

    A draw comes from the set with the given probability, until each of its rows was seen `most_repeats` times; the other
    rows are used once each before any is used again.
    """

    name: ClassVar[str] = "two_set"
    paper: ClassVar[str] = "arXiv:2410.07041"
    movable: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (Example([1.0], [0, 0, 0]),)

    share: float = Field(default=0.05, gt=0, lt=1, description="Share of the rows that is repeated; our choice.")
    probability: float = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="Probability that a draw comes from the repeated rows; about the paper's for products.",
    )
    most_repeats: int = Field(default=50, ge=1, description="A repeated row is seen at most so often; our choice.")

    def __call__(self, visits: int, rows: Rows, rng: np.random.Generator) -> Order:
        """Return the draws, `[visits]`."""
        count = len(rows)
        shuffled = rng.permutation(count)
        size = min(max(1, round(self.share * count)), count)
        small, rest = shuffled[:size], shuffled[size:]
        if not len(rest):
            return np.resize(small, visits).astype(np.int64)
        chosen = rng.random(visits) < self.probability
        chosen[np.cumsum(chosen) > self.most_repeats * size] = False
        order = np.empty(visits, dtype=np.int64)
        order[chosen] = _passes(small, int(chosen.sum()), rng)
        order[~chosen] = _passes(rest, visits - int(chosen.sum()), rng)
        return order


def _passes(rows: Order, visits: int, rng: np.random.Generator) -> Order:
    """Permutation after permutation, so that no row is seen twice before all were."""
    if not visits:
        return np.empty(0, dtype=np.int64)
    return np.concatenate([rng.permutation(rows) for _ in range(-(-visits // len(rows)))])[:visits]

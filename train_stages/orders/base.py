"""What an order is: a function of the rows and a seed that says which row is learned from at each visit.

Rows are described by a difficulty and a subject. An order repeats rows when more visits are asked for than there are rows.
Every order is a function of its seed, so that a stage that was killed goes on with the one it began. The order that was used
is kept beside the weights, in `order.parquet`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from storage.errors import TrainingError
from train_stages.parts import Part

Order = NDArray[np.int64]
"""Row numbers, one a visit."""


@dataclass(frozen=True)
class Rows:
    """What an order may depend on.

    Attributes:
        difficulty: `[rows]`, larger is harder.
        subjects: Of each row.
    """

    difficulty: NDArray[np.float64]
    subjects: Sequence[str]

    def __len__(self) -> int:
        return len(self.difficulty)


@dataclass(frozen=True)
class Example:
    """An order worked out by hand, to which a test holds the formula, whatever the seed.

    Attributes:
        difficulty: Of each row.
        subjects: Of each row.
        expected: Row numbers.
        settings: Of the order.
    """

    difficulty: Sequence[float]
    expected: Sequence[int]
    subjects: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


class Ordering(Part):
    """Base of every order.

    Attributes:
        movable: Nothing depends on the exact place of a row, so it may be moved some steps to pad less.
        examples: Orders that no seed changes, worked out by hand, at least one.
    """

    movable: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = ()

    def __call__(self, visits: int, rows: Rows, rng: np.random.Generator) -> Order:
        """Return the number of the row that is learned from at each visit, `[visits]`.

        Here pass after pass over all rows, each shuffled and then sorted by `one_pass`.

        Args:
            visits: How many; more than there are rows means further passes.
            rows: The rows, at least one.
            rng: Everything random in it; ties are broken by it.
        """
        passes = [self.one_pass(rng.permutation(len(rows)), rows) for _ in range(-(-visits // len(rows)))]
        return np.concatenate(passes)[:visits].astype(np.int64)

    def one_pass(self, shuffled: Order, rows: Rows) -> Order:
        """Return one pass over all rows, `[rows]`; `shuffled` is a random one."""
        raise TypeError(f"{type(self).__name__} has no formula: define one_pass, or __call__")


def order_rows(
    visits: int, order: Ordering, *, difficulty: Sequence[float], subjects: Sequence[str] | None = None, seed: int = 0
) -> Order:
    """Say which row is learned from at each of `visits` visits.

    Args:
        visits: How many.
        order: The order.
        difficulty: Of each row, larger is harder.
        subjects: Of each row; None means one subject.
        seed: Seed of everything random in it.

    Raises:
        TrainingError: There are no rows.
    """
    if not len(difficulty):
        raise TrainingError("there is no row to put in order")
    rows = Rows(np.asarray(difficulty, dtype=float), list(subjects) if subjects is not None else [""] * len(difficulty))
    return order(visits, rows, np.random.default_rng([seed, 0x0D3E]))


def kendall_tau(order: Order, difficulty: Sequence[float]) -> float:
    """Rank correlation (tau-b) between the place in the order and the difficulty: 1 is easy to hard, 0 unrelated."""
    from scipy.stats import kendalltau

    hard = np.asarray(difficulty, dtype=float)[order]
    if len(order) < 2 or (hard == hard[0]).all():
        return 0.0
    return float(kendalltau(np.arange(len(order)), hard).statistic)

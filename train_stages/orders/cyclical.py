"""Cyclical Curriculum Learning: from few rows to all and back, again and again, easy rows more often."""

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from train_stages.orders.base import Example, Order, Ordering, Rows


class Cyclical(Ordering):
    """Cycles that grow and shrink; each is drawn without replacement, an easy row with a higher probability.

    The easiness of a row is its rank from the hard end: our stand-in for the paper's softmax score of a trained model.
    """

    name: ClassVar[str] = "cyclical"
    paper: ClassVar[str] = "Cyclical Curriculum Learning (Kesgin and Amasyali), the authors' code"
    examples: ClassVar[tuple[Example, ...]] = (Example([1.0], [0, 0, 0]),)

    start: float = Field(
        default=0.25, gt=0, le=1, description="Share of the rows in the smallest cycle; the authors' code."
    )
    end: float = Field(
        default=1.0, gt=0, le=1, description="Share of the rows in the largest cycle; the authors' code."
    )
    alpha: float = Field(
        default=0.5, gt=0, lt=1, description="Factor from one cycle's size to the next; the authors' code."
    )

    @model_validator(mode="after")
    def _rising(self) -> "Cyclical":
        if self.start > self.end:
            raise ValueError(f"start ({self.start}) must not exceed end ({self.end})")
        return self

    def __call__(self, visits: int, rows: Rows, rng: np.random.Generator) -> Order:
        """Return cycle after cycle, `[visits]`."""
        count = len(rows)
        ranks = np.argsort(np.argsort(-rows.difficulty, kind="stable"), kind="stable") + 1.0
        share = ranks / ranks.sum()
        drawn = [
            rng.choice(count, size=max(1, round(size * count)), replace=False, p=share)
            for size in self.pacing(visits / count)
        ]
        while sum(map(len, drawn)) < visits:
            drawn.append(rng.choice(count, size=max(1, round(self.end * count)), replace=False, p=share))
        return np.concatenate(drawn)[:visits].astype(np.int64)

    def pacing(self, budget: float) -> list[float]:
        """Sizes of the cycles as shares of the rows: up to `end`, down to `start`, until `budget` passes are full.

        With the defaults: 0.25, 0.5, 1, 0.5, 0.25, 0.5, ...
        """
        sizes, size, rising = [self.start], self.start, True
        while sum(sizes) < budget:
            if size >= self.end:
                rising = False
            elif size <= self.start:
                rising = True
            size = min(size / self.alpha, self.end) if rising else max(size * self.alpha, self.start)
            sizes.append(size)
        return sizes

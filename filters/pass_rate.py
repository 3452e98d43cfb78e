"""Pass rates: how often a model solves a problem, and the bucket of difficulty that this makes."""

from dataclasses import dataclass
from math import comb
from typing import Literal

Bucket = Literal["unsolved", "hard", "medium", "easy", "trivial"]


@dataclass(frozen=True, slots=True)
class PassRate:
    """How often a model solves a problem.

    Attributes:
        problem_id: The problem.
        model: Identity of the model that tried.
        sampling: How it was sampled, JSON without the seed.
        tries: Attempts.
        correct: Right ones.
    """

    problem_id: str
    model: str
    sampling: str
    tries: int
    correct: int

    @property
    def rate(self) -> float:
        """Share of right attempts."""
        return self.correct / self.tries

    @property
    def bucket(self) -> Bucket:
        """`unsolved` 0, `hard` up to 1/4, `medium` up to 3/4, `easy` below 1, `trivial` 1. Our own limits."""
        if self.correct == 0:
            return "unsolved"
        if self.correct == self.tries:
            return "trivial"
        return "hard" if self.rate <= 0.25 else "medium" if self.rate <= 0.75 else "easy"

    def at(self, k: int) -> float:
        """Return the unbiased estimate of pass@k (arXiv:2107.03374, section 2.1).

        Raises:
            ValueError: There are fewer than `k` attempts.
        """
        if not 1 <= k <= self.tries:
            raise ValueError(f"pass@{k} needs {k} attempts; there are {self.tries}")
        return 1.0 - comb(self.tries - self.correct, k) / comb(self.tries, k)

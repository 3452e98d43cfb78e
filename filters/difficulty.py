"""Difficulty: the share of attempts at a problem that are right, by one model with one way of sampling.

A pass rate belongs to the model and the sampling that made it, and says nothing about another: after a promotion every
rate is measured again (`current` leaves the old ones out).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

Bucket = Literal["unsolved", "hard", "medium", "easy", "trivial"]


@dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt at a problem, checked.

    Attributes:
        problem_id: The problem.
        model: Identity of the model.
        sampling: Its sampling parameters, as canonical JSON.
        outcome: `correct`, `wrong` or `unverifiable`, which is not counted as correct.
    """

    problem_id: str
    model: str
    sampling: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PassRate:
    """How often a model solves a problem.

    Attributes:
        problem_id: The problem.
        model: Identity of the model that tried.
        sampling: How it was sampled.
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


def pass_rates(attempts: Iterable[Attempted]) -> list[PassRate]:
    """Count attempts by problem, model and sampling, sorted by these."""
    counts: dict[tuple[str, str, str], list[int]] = {}
    for one in attempts:
        count = counts.setdefault((one.problem_id, one.model, one.sampling), [0, 0])
        count[0] += 1
        count[1] += one.outcome == "correct"
    return [PassRate(*key, tries, correct) for key, (tries, correct) in sorted(counts.items())]


def current(rates: Iterable[PassRate], model: str, sampling: str | None = None) -> list[PassRate]:
    """Return the rates that still hold: those of this model (and sampling)."""
    return [rate for rate in rates if rate.model == model and sampling in (None, rate.sampling)]


def for_reinforcement(rates: Sequence[PassRate], *, tries: int = 8) -> list[str]:
    """Return the problems worth exploring: solved sometimes but not always, in at least `tries` attempts.

    Groups that are all right or all wrong have no advantage to learn from (DAPO, arXiv:2503.14476, section 3.2).
    """
    return [rate.problem_id for rate in rates if rate.tries >= tries and 0 < rate.correct < rate.tries]


def for_tuning(rates: Sequence[PassRate]) -> list[str]:
    """Return the solved problems, hardest first; trivial ones are left out."""
    useful = [rate for rate in rates if 0 < rate.correct < rate.tries]
    return [rate.problem_id for rate in sorted(useful, key=lambda rate: (rate.rate, rate.problem_id))]

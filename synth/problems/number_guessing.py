"""Guessing a number by halving: a problem that takes turns, since each guess is answered by higher or lower.

Tier n has numbers from 1 to 4 * 2**n and as many guesses as halving needs, so that who guesses at random seldom ends in time.
"""

import random
from collections.abc import Iterator, Sequence

from storage.ids import seed_from
from synth.problems.base import Problem

MOST_TIER = 10


def highest(tier: int) -> int:
    """Return the highest number of a tier."""
    return 4 << tier


class NumberGuessing:
    """Draws hidden numbers.

    Args:
        tiers: Difficulties to draw from.
    """

    procedural = True

    def __init__(self, tiers: Sequence[int]) -> None:
        self._tiers = tuple(tiers)

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` problems, the tiers in turn; fewer where all numbers are used up."""
        streams = [self._stream(level, seed, exclude) for level in self._tiers if tier in (None, level)]
        drawn: list[Problem] = []
        while streams and len(drawn) < limit:
            for stream in list(streams):
                problem = next(stream, None)
                if problem is None:
                    streams.remove(stream)
                elif len(drawn) < limit:
                    drawn.append(problem)
        return drawn

    def _stream(self, tier: int, seed: int, exclude: frozenset[str]) -> Iterator[Problem]:
        numbers = list(range(1, highest(tier) + 1))
        random.Random(seed_from("number_guessing", seed, tier)).shuffle(numbers)
        for number in numbers:
            problem = _problem(number, tier)
            if problem.structure_id not in exclude:
                yield problem


def _problem(number: int, tier: int) -> Problem:
    high = highest(tier)
    guesses = high.bit_length()
    return Problem(
        task="number_guessing",
        source="number_guessing",
        prompt=f"I am thinking of a whole number from 1 to {high}. Give one guess at a time as your final answer. After each guess "
        f"you are told whether my number is higher or lower. You have {guesses} guesses.",
        gold=str(number),
        structure=f"{high}:{number}",
        tier=tier,
        license="Apache-2.0",
        attrs={"high": high, "guesses": guesses},
        gold_source="rule",
    )

"""How much a candidate is like the others, by its words."""

from collections.abc import Sequence

from synth.calls.models import Models
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


def jaccard(left: str, right: str) -> float:
    """Return the share of the words of both texts that both have: 1 for the same words, 0 for none in common."""
    first, second = set(left.lower().split()), set(right.lower().split())
    return len(first & second) / len(first | second) if first | second else 1.0


@scorer("similarity", version="1")
async def similarity(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The mean Jaccard similarity of its words to those of each other candidate; none for one alone."""
    if len(candidates) < 2:
        return [Score(None, "no_other") for _ in candidates]
    return [
        Score(
            sum(jaccard(one.text, other.text) for n, other in enumerate(candidates) if n != number)
            / (len(candidates) - 1)
        )
        for number, one in enumerate(candidates)
    ]

"""A pair of the best and the worst candidate (self-rewarding language models, arXiv:2401.10020)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, valued
from synth.scorers.base import Candidate


@chooser("best_and_worst", ranks=True, pairs=True)
def best_and_worst(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The highest and the lowest by the scorer `by`, the earlier of equals; no pair that is not more than `margin` apart."""
    values = valued(scores, told.by)
    if not values:
        return Choice()
    high, best = max(values, key=lambda pair: (pair[0], -pair[1]))
    low, worst = min(values)
    return Choice((best,), worst if high - low > told.margin else None)

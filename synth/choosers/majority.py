"""A candidate with the answer of the majority (self-consistency, arXiv:2203.11171)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, take, valued
from synth.scorers.base import Candidate


@chooser("majority", needs=("vote",))
def majority(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The first that gives the answer with the most votes; none where that has less than `share` of them, or where two tie.

    A tie is of two answers with as many votes: then as many candidates have the highest value as would fill more than one answer.
    """
    values = [(value, number) for value, number in valued(scores, "vote") if value > 0]
    if not values:
        return Choice()
    most = max(value for value, _ in values)
    first = [number for value, number in values if value == most]
    tied = len(first) > round(most * len(candidates))
    return Choice() if tied or most < told.share else take(first)

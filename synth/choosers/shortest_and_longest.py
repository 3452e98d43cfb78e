"""A pair of right answers, the shortest against the longest (arXiv:2412.21187)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right
from synth.scorers.base import Candidate


@chooser("shortest_and_longest", needs=("answer", "length"), pairs=True)
def shortest_and_longest(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The shortest right candidate and the longest right one, which must be longer by the share `margin`, else no pair."""
    lengths = {number: scores["length"][number].value or 0.0 for number in right(scores)}
    if not lengths:
        return Choice()
    shortest = min(lengths, key=lambda number: (lengths[number], number))
    longest = max(lengths, key=lambda number: (lengths[number], -number))
    far = lengths[shortest] < lengths[longest] and lengths[shortest] <= (1 - told.margin) * lengths[longest]
    return Choice((shortest,), longest if far else None)

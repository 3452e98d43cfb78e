"""The first candidate that is right: rejection sampling (RFT, arXiv:2308.01825) with one row per problem."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right, take
from synth.scorers.base import Candidate


@chooser("first_right", needs=("answer",))
def first_right(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The first in the order of sampling whose answer is right; none where none is known to be."""
    return take(right(scores))

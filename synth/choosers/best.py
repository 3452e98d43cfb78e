"""The candidate with the highest score: best of N."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, take, valued
from synth.scorers.base import Candidate


@chooser("best", ranks=True)
def best(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The highest by the scorer `by`, the earlier of equals; none where none has a value."""
    return take(number for _, number in sorted(valued(scores, told.by), key=lambda pair: (-pair[0], pair[1])))

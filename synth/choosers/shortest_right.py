"""The shortest candidate that is right, as self-training for concise reasoning takes it (arXiv:2502.20122, best of N)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right, take
from synth.scorers.base import Candidate


@chooser("shortest_right", needs=("answer", "length"))
def shortest_right(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The shortest whose answer is right, the earlier of two as short; none where none is known to be right."""
    return take(sorted(right(scores), key=lambda number: (scores["length"][number].value or 0.0, number)))

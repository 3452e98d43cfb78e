"""The shortest candidate that is right, as self-training for concise reasoning takes it (arXiv:2502.20122, best of N)."""

from collections.abc import Sequence

from synth.choosers.base import Scores, chooser
from synth.scorers.base import Candidate


@chooser("shortest_right", needs=("answer", "length"))
def shortest_right(candidates: Sequence[Candidate], scores: Scores, seed: int) -> int | None:
    """The shortest whose answer is right, the earlier of two as short; none where none is known to be right."""
    right = [number for number, score in enumerate(scores["answer"]) if score.value == 1]
    return min(right, key=lambda number: (scores["length"][number].value or 0.0, number), default=None)

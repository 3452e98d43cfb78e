"""A short right candidate where most are right, a usual one where few are (AdaCtrl, arXiv:2505.18822)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right
from synth.scorers.base import Candidate


@chooser("by_pass_rate", needs=("answer", "length"))
def by_pass_rate(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The shortest right one where more than `share` of all are right, else the right one of median length (the lower of two)."""
    ordered = sorted(right(scores), key=lambda number: (scores["length"][number].value or 0.0, number))
    if not ordered:
        return Choice()
    easy = len(ordered) / len(candidates) > told.share
    return Choice((ordered[0 if easy else (len(ordered) - 1) // 2],))

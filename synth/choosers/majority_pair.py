"""A pair of an answer of the majority and one of a minority (consistency alignment, arXiv:2403.14221)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, valued
from synth.choosers.majority import majority
from synth.scorers.base import Candidate


@chooser("majority_pair", needs=("vote",), pairs=True)
def majority_pair(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The first with the majority's answer (see `majority`) against the one with the fewest votes, `margin` of them fewer."""
    taken = majority(candidates, scores, told).taken
    if not taken:
        return Choice()
    top = scores["vote"][taken[0]].value or 0.0
    low, worse = min(valued(scores, "vote"))
    return Choice(taken, worse if low < top and top - low >= told.margin else None)

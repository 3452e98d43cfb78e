"""Every candidate with the answer of the majority (self-improvement by self-consistency, arXiv:2210.11610)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser
from synth.choosers.majority import majority
from synth.scorers.base import Candidate


@chooser("consensus", needs=("vote",))
def consensus(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """All that give the answer with the most votes; none where that has less than `share` of them, or where two tie."""
    taken = majority(candidates, scores, told).taken
    if not taken:
        return Choice()
    most = scores["vote"][taken[0]].value
    return Choice(tuple(number for number, score in enumerate(scores["vote"]) if score.value == most))

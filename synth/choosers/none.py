"""No candidate: they are only scored."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser
from synth.scorers.base import Candidate


@chooser("none")
def none(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """None, so that every candidate is only scored."""
    return Choice()

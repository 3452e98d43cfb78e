"""Any candidate: the control that every other chooser has to beat."""

from collections.abc import Sequence
from random import Random

from synth.choosers.base import Choice, Choosing, Scores, chooser
from synth.scorers.base import Candidate


@chooser("random")
def random(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """One drawn by the seed, whatever it is worth."""
    return Choice((Random(told.seed).randrange(len(candidates)),)) if candidates else Choice()

"""Any candidate: the control that every other chooser has to beat."""

from collections.abc import Sequence
from random import Random

from synth.choosers.base import Scores, chooser
from synth.scorers.base import Candidate


@chooser("random")
def random(candidates: Sequence[Candidate], scores: Scores, seed: int) -> int | None:
    """One drawn by the seed, whatever it is worth."""
    return Random(seed).randrange(len(candidates)) if candidates else None

"""Any two candidates: the control of every chooser that makes pairs."""

from collections.abc import Sequence
from random import Random

from synth.choosers.base import Choice, Choosing, Scores, chooser
from synth.scorers.base import Candidate


@chooser("random_pair", pairs=True)
def random_pair(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """Two that differ, drawn by the seed, whatever they are worth; none where all are the same."""
    better = Random(told.seed).choice(candidates) if candidates else None
    others = [number for number, other in enumerate(candidates) if better and other.text != better.text]
    if better is None or not others:
        return Choice()
    return Choice((candidates.index(better),), Random(told.seed + 1).choice(others))

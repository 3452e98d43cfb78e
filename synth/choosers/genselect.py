"""The candidate that a model named after reading all of them (GenSelect, arXiv:2504.16891)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, take
from synth.scorers.base import Candidate


@chooser("genselect", needs=("genselect",))
def genselect(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The one that the scorer `genselect` names; none where its reply cannot be read."""
    return take(number for number, score in enumerate(scores["genselect"]) if score.value == 1)

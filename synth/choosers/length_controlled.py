"""A pair with its lengths controlled (meta-rewarding language models, arXiv:2407.19594)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, valued
from synth.scorers.base import Candidate


@chooser("length_controlled", needs=("length",), ranks=True, pairs=True)
def length_controlled(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The shortest of those that score nearly best against the longest of those that score nearly worst.

    Nearly is within the share `share` (the paper's ρ) of the distance between the highest and the lowest value; 0 takes the
    best and the worst. Where all have one value there is no pair.
    """
    values = valued(scores, told.by)
    if not values:
        return Choice()
    low, high = min(values)[0], max(values)[0]
    near = told.share * (high - low) + 1e-12
    lengths = [score.value or 0.0 for score in scores["length"]]
    better = min((number for value, number in values if value >= high - near), key=lambda n: (lengths[n], n))
    worse = max((number for value, number in values if value <= low + near), key=lambda n: (lengths[n], -n))
    return Choice((better,), worse if high - low > told.margin and better != worse else None)

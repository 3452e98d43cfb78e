"""A candidate whose answer another model comes to as well."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, take, valued
from synth.scorers.base import Candidate


@chooser("agreed", needs=("agreement",))
def agreed(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The one that most candidates of other models agree with, the earlier of equals; none below `share`, or with nobody."""
    values = [(value, -number) for value, number in valued(scores, "agreement") if value > 0 and value >= told.share]
    return take([-max(values)[1]] if values else [])

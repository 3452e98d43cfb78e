"""The right candidate that is least like the others."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right, take
from synth.scorers.base import Candidate


@chooser("most_diverse", needs=("answer", "similarity"))
def most_diverse(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The right one whose words are least like those of the other candidates; none where none is known to be right."""
    return take(sorted(right(scores), key=lambda number: (scores["similarity"][number].value or 0.0, number)))

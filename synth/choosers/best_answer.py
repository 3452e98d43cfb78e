"""A candidate with the answer whose candidates are worth most together (arXiv:2406.14629, SUM)."""

from collections import defaultdict
from collections.abc import Sequence

from synth.answers.responses.reading import final_answer
from synth.answers.votes import groups
from synth.choosers.base import Choice, Choosing, Scores, chooser, take
from synth.scorers.base import Candidate


@chooser("best_answer", ranks=True)
def best_answer(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The highest by the scorer `by` of those whose answer has the highest sum of values; none where nobody answers."""
    numbered = groups(final_answer(candidate.text) for candidate in candidates)
    values = [score.value for score in scores[told.by]]
    sums: dict[int, float] = defaultdict(float)
    for group, value in zip(numbered, values, strict=True):
        if group is not None and value is not None:
            sums[group] += value
    if not sums:
        return Choice()
    best = max(sums, key=lambda group: (sums[group], -group))
    members = [n for n, group in enumerate(numbered) if group == best and values[n] is not None]
    return take(sorted(members, key=lambda n: (-(values[n] or 0.0), n)))

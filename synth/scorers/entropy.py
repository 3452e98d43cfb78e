"""How much the candidates disagree: the entropy of their answers (arXiv:2412.10827)."""

import math
from collections import Counter
from collections.abc import Sequence

from synth.answers.votes import groups
from synth.calls.models import Models
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


def entropy_of(counts: Sequence[int]) -> float:
    """Return the entropy in bits of answers that were given so often: 0 where all agree, log2(n) where none do."""
    total = sum(counts)
    return -sum(count / total * math.log2(count / total) for count in counts if count) + 0.0


@scorer("entropy", version="1")
async def entropy(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """Bits of disagreement among the answers of all candidates, the same for each of them; none where nobody answers."""
    task = get_task(problem.task)
    numbers = groups(task.check(problem, candidate.text).answer for candidate in candidates)
    counts = list(Counter(number for number in numbers if number is not None).values())
    return [Score(entropy_of(counts)) if counts else Score(None, "no_answer") for _ in candidates]

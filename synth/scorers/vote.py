"""How many of the candidates give the same answer (self-consistency, arXiv:2203.11171)."""

from collections import Counter
from collections.abc import Sequence

from synth.answers.votes import groups
from synth.calls.models import Models
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


@scorer("vote", version="1")
async def vote(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The share of all candidates whose answer is this one's, by the judge of answers; 0 without an answer."""
    task = get_task(problem.task)
    numbers = groups(task.check(problem, candidate.text).answer for candidate in candidates)
    votes = Counter(numbers)
    return [Score(0.0, "no_answer") if number is None else Score(votes[number] / len(candidates)) for number in numbers]

"""Whether another model comes to the same answer: what a problem without a gold answer can be labelled by, besides a vote."""

from collections.abc import Sequence

from synth.answers.votes import groups
from synth.calls.models import Models
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


@scorer("agreement", version="1")
async def agreement(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The share of the other models' candidates that give this one's answer; none where no other model answers."""
    task = get_task(problem.task)
    numbers = groups(task.check(problem, candidate.text).answer for candidate in candidates)
    scores = []
    for number, candidate in zip(numbers, candidates, strict=True):
        others = [other for other, one in zip(numbers, candidates, strict=True) if one.model != candidate.model]
        if not others:
            scores.append(Score(None, "no_other_model"))
        elif number is None:
            scores.append(Score(0.0, "no_answer"))
        else:
            scores.append(Score(others.count(number) / len(others)))
    return scores

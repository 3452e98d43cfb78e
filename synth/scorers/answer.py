"""Whether a candidate's final answer is right, by the one judge of answers."""

from collections.abc import Sequence

from synth.answers.judge import VERSION
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.problems import get_task
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer

_VALUES = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0, Outcome.UNVERIFIABLE: None}


@scorer("answer", version=VERSION)
async def answer(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """1 where the answer is right, 0 where it is wrong, nothing where it cannot be decided; no model is asked."""
    checks = [get_task(problem.task).check(problem, candidate.text) for candidate in candidates]
    return [Score(_VALUES[check.outcome], check.reason or check.outcome.value) for check in checks]

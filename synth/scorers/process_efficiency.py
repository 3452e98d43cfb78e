"""How much of a long answer was needed: process efficiency (overthinking, arXiv:2412.21187)."""

from collections.abc import Sequence

from synth.calls.models import Models
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.solutions import process_efficiency as efficiency
from synth.problems.solutions import solutions
from synth.scorers.base import Candidate, Score, scorer


@scorer("process_efficiency", version="1")
async def process_efficiency(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """ξ_P, the share of its words in solutions that calculate something new; of the thoughts where there are any."""
    task = get_task(problem.task)
    values = [efficiency(solutions(candidate.thoughts or candidate.text, problem, task)) for candidate in candidates]
    return [Score(value, None if value is not None else "no_solution") for value in values]

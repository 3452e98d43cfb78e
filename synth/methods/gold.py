"""Gold: a data set's own worked solution, passed on as such and counted apart from synthesis."""

from collections.abc import AsyncIterator

from synth.calls.models import Models
from synth.methods.base import method
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


@method(
    "gold",
    paper="none: the data set's own solutions",
    makes=("sft",),
    observes=lambda params: frozenset({"answer_reached"}),  # people also finish in words
)
async def gold(problem: Problem, models: Models, params: object) -> AsyncIterator[Sample]:
    """The problem's own worked solution, when it has one; no model is asked."""
    solution = get_task(problem.task).solve(problem) if problem.solution else None
    if solution:
        yield Sample(
            messages=models.messages("solve"), response=solution, answer=problem.gold, origin="gold", parents=[]
        )

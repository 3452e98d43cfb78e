"""Response diversification (JiuZhang-8B, arXiv:2501.14002): further solutions, different from the known one.

The paper takes the model's own accept tag for it. Ours also asks that the answer is right (the filter `answer`) and that
the solutions differ in what they compute: other words around the same equations are no other approach.
"""

import re
from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method
from synth.methods.copying import copied_line
from synth.methods.sections import accepts, sections
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import equations
from synth.problems.steps import content_lines
from synth.sample import Sample

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]")


def similarity(left: str, right: str) -> float:
    """Jaccard similarity of what two solutions compute: 1 when they come to the same values on their way, in any wording.

    Where one of them holds no equation, that of their words, numbers and signs.
    """
    first, second = computed(left), computed(right)
    if not first or not second:
        first, second = (frozenset(_TOKEN.findall(text.casefold())) for text in (left, right))
    return len(first & second) / len(first | second) if first | second else 1.0


def computed(solution: str) -> frozenset[object]:
    """Return the values that the equations of a solution come to, those inside of them included."""
    solution_equations = [equation for line in content_lines(solution) for equation in equations(line)]
    return frozenset(
        value
        for equation in solution_equations
        for value in (*equation.left.results, *equation.right.results, equation.right.value)
    )


class ResponseDiversificationParams(Params):
    """Parameters of `response_diversification`."""

    solutions: int = Field(
        2, ge=1, le=8, description="Further solutions to ask for (two, as the operator is described)."
    )
    max_similarity: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Jaccard similarity of the values computed, to the known and to each other solution, below; ours.",
    )
    temperature: float | None = Field(
        None, ge=0, description="Of the teacher; unpublished, so None lets the role or its model decide."
    )
    max_tokens: int = Field(2048, ge=1, description="Upper bound on the reply; ours.")


@method(
    "response_diversification",
    paper="arXiv:2501.14002",
    makes=("sft",),
    roles=("teacher",),
    params=ResponseDiversificationParams,
    shows_gold=("diversify",),
)
async def response_diversification(
    problem: Problem, models: Models, params: ResponseDiversificationParams
) -> AsyncIterator[Sample]:
    """The teacher writes further solutions that differ from the known one and from each other, or refuses."""
    task = get_task(problem.task)
    known_solution = task.solve(problem)
    if known_solution is None:
        raise RequestRefused("no_solution", f"problem {problem.id} has no worked solution to differ from")
    reply = await models.teacher(
        "diversify",
        solution=models.form.rewrite(known_solution),
        count=params.solutions,
        temperature=params.temperature,
        max_tokens=params.max_tokens,
    )
    copied = copied_line(reply.text, models.source("diversify")) is not None
    read = sections(reply.text, ["verdict", "solution"])
    tag = accepts(read.get("verdict", ""))
    written = [read.get(f"solution {number}", "") for number in range(1, params.solutions + 1)]
    if not any(written):
        written = [reply.text]  # nothing to be read: one row, with its reason
    for number, solution in enumerate(written):
        others = [known_solution, *written[:number]]
        nearest = max(similarity(solution, other) for other in others)
        refused = _fault(tag, solution if solution != reply.text else "", alike=nearest >= params.max_similarity)
        if refused is None and computed(known_solution) and not computed(solution):
            refused = "no_equations"  # nobody can say whether it goes another way
        yield Sample(
            messages=models.messages("solve"),
            response=solution or reply.text,
            answer=task.check(problem, solution).answer,
            attrs={
                "op": "res_div",
                "variant_idx": number,
                "self_tag": {True: "accept", False: "refuse", None: None}[tag],
                "similarity_known": round(similarity(solution, known_solution), 4),
                "similarity_nearest": round(nearest, 4),
            },
            notes=SftNotes(refused="copied_prompt" if copied else refused),
        )


def _fault(tag: bool | None, solution: str, *, alike: bool) -> str | None:
    """What speaks against a solution."""
    if tag is not True:
        return "self_refused" if tag is False else "no_verdict"
    if not solution.strip():
        return "no_solution"
    return "not_different" if alike else None

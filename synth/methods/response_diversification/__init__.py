"""Response diversification (JiuZhang-8B, arXiv:2501.14002): further solutions, different from the known one.

The paper takes the model's own accept tag for it. Ours asks for one solution at a time, that its answer is right (the filter
`answer`), and that it differs from the others in what it computes: other words around the same equations are no other approach. The
model says first what it will calculate instead, or that there is no other way.
"""

import re
from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method
from synth.methods.copying import copied_line, repeats
from synth.methods.sections import accepts, sections
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import equations
from synth.problems.founded import unfounded_number
from synth.problems.operations import Calculation, operations
from synth.problems.stated_numbers import in_signs
from synth.problems.steps import content_lines, thoughts_end
from synth.sample import Sample

LEAST_WORDS = 6
"""Words of a line from which on it is compared with another's."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]")


def similarity(left: str, right: str) -> float:
    """Jaccard similarity of what two solutions compute: 1 when they come to the same values on their way, in any wording.

    Where one of them holds no equation, that of their words, numbers and signs.
    """
    first, second = computed(left), computed(right)
    if not first or not second:
        first, second = (frozenset(_TOKEN.findall(text.casefold())) for text in (left, right))
    return len(first & second) / len(first | second) if first | second else 1.0


def calculations(solution: str) -> frozenset[Calculation]:
    """Return what the equations of a solution calculate, their brackets too: sums by what is added, products by their factors.

    The order does not count, and neither does how a share is written: `1/2 * 60`, `0.5 * 60` and `60 / 2` are one calculation.
    """
    return frozenset(
        calculation
        for line in content_lines(solution)
        for equation in equations(in_signs(line))
        for side in (equation.left, equation.right)
        if side.operators
        for calculation in operations(side.text)
    )


def computed(solution: str) -> frozenset[object]:
    """Return the values that the equations of a solution come to, those inside of them included."""
    solution_equations = [equation for line in content_lines(solution) for equation in equations(in_signs(line))]
    return frozenset(
        value
        for equation in solution_equations
        for value in (*equation.left.results, *equation.right.results, equation.right.value)
    )


def shortened(solution: str, other: str) -> bool:
    """Whether a solution is another one with less of it: no calculation is new, or its lines are the other's."""
    own = calculations(solution)
    if own and own <= calculations(other):
        return True
    lines = [line for line in content_lines(solution) if len(line.split()) >= LEAST_WORDS]
    return bool(lines) and sum(repeats(other, line) for line in lines) > len(lines) / 2


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
    calls=lambda params: {"teacher": params.solutions},
    rereads=lambda params: params.solutions,
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
    others: list[str] = []
    for number in range(params.solutions):
        reply = await models.teacher(
            "diversify",
            solution=models.form.rewrite(known_solution),
            others=tuple(others),
            sample=number,
            temperature=params.temperature,
            max_tokens=params.max_tokens,
        )
        way, tag, solution = read_solution(reply.text)
        nearest = max(similarity(solution, other) for other in (known_solution, *others))
        refused = _fault(tag, solution, known_solution, alike=nearest >= params.max_similarity)
        if refused is None and any(shortened(solution, other) for other in (known_solution, *others)):
            refused = "not_different"
        if refused is None and unfounded_number(solution, problem.prompt) is not None:
            refused = "unfounded_number"
        if copied_line(reply.text, models.source("diversify")) is not None:
            refused = "copied_prompt"
        yield Sample(
            messages=models.messages("solve"),
            response=solution or reply.text,
            answer=task.check(problem, solution).answer,
            attrs={
                "op": "res_div",
                "variant_idx": number,
                "way": way,
                "self_tag": {True: "accept", False: "refuse", None: None}[tag],
                "similarity_known": round(similarity(solution, known_solution), 4),
                "similarity_nearest": round(nearest, 4),
            },
            notes=SftNotes(refused=refused, complete=reply.complete),
            parents=[reply.call_id],
        )
        if tag is False:
            return
        if refused is None:
            others.append(solution)


def read_solution(text: str) -> tuple[str, bool | None, str]:
    """Read a reply to `diversify`: the way it goes, whether the model itself accepts or refuses, and the solution.

    Without any heading the whole reply is the solution: whether it is right and different is seen anyway.
    """
    read = sections(text, ["another way", "other way", "verdict", "solution"])
    way = read.get("another way", read.get("other way", ""))
    tag = False if re.match(r"\W*none\b", way, re.IGNORECASE) else accepts(read.get("verdict", ""))
    plain = text[thoughts_end(text) :].strip() if not read else ""
    return way, tag, read.get("solution", read.get("solution 1", plain))


def _fault(tag: bool | None, solution: str, known: str, *, alike: bool) -> str | None:
    """What speaks against a solution."""
    if tag is False:
        return "self_refused"
    if not solution.strip():
        return "no_solution"
    if not calculations(solution):
        return "no_equations"  # nobody can say whether it goes another way
    return "not_different" if alike else None

"""Response diversification (JiuZhang-8B, arXiv:2501.14002): further solutions, different from the known one.

The paper takes the model's own accept tag for it. Ours also asks that the answer is right (the filter `answer`) and that
the solutions differ in their words.
"""

import re
from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method
from synth.methods.sections import accepts, sections
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]")


def similarity(left: str, right: str) -> float:
    """Jaccard similarity of two texts' sets of words, numbers and signs: 1 when they are equal."""
    first, second = (set(_TOKEN.findall(text.casefold())) for text in (left, right))
    return len(first & second) / len(first | second) if first | second else 1.0


class ResponseDiversificationParams(Params):
    """Parameters of `response_diversification`."""

    solutions: int = Field(
        2, ge=1, le=8, description="Further solutions to ask for (two, as the operator is described)."
    )
    max_similarity: float = Field(
        0.8, ge=0, le=1, description="Jaccard similarity to the known and to each other solution, below; ours."
    )
    temperature: float = Field(0.7, ge=0, description="Of the teacher; unpublished, ours.")
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
    read = sections(reply.text, ["verdict", "solution"])
    tag = accepts(read.get("verdict", ""))
    written = [read.get(f"solution {number}", "") for number in range(1, params.solutions + 1)]
    if not any(written):
        written = [reply.text]  # nothing to be read: one row, with its reason
    for number, solution in enumerate(written):
        others = [known_solution, *written[:number]]
        nearest = max(similarity(solution, other) for other in others)
        reason = None
        if tag is not True:
            reason = "self_refused" if tag is False else "no_verdict"
        elif not solution.strip() or solution == reply.text:
            reason = "no_solution"
        elif nearest >= params.max_similarity:
            reason = "not_different"
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
            notes=SftNotes(refused=reason),
        )

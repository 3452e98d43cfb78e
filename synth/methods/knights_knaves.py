"""Warm Up Before You Train (arXiv:2505.13718): chains of thought about Knights and Knaves, kept whether right or wrong."""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class KnightsKnavesParams(Params):
    """Parameters of `knights_knaves`."""

    filter: Literal["none", "correct"] = Field(
        "none", description="`none` keeps wrong chains too, as the paper does (no rejection sampling)."
    )
    temperature: float | None = Field(
        None, ge=0, description="Of the teacher; unpublished, so None lets the role or its model decide."
    )
    max_tokens: int = Field(4096, ge=1, description="Upper bound on a chain; unpublished, ours.")


@method(
    "knights_knaves",
    paper="arXiv:2505.13718",
    makes=("sft",),
    roles=("teacher",),
    tasks=("knights_knaves",),
    params=KnightsKnavesParams,
    observes=lambda params: frozenset({"answer"}) if params.filter == "none" else frozenset(),
)
async def knights_knaves(problem: Problem, models: Models, params: KnightsKnavesParams) -> AsyncIterator[Sample]:
    """A warm-up row: the teacher reasons about a puzzle and answers; whether rightly is recorded, and by default not filtered."""
    reply = await models.teacher("solve", temperature=params.temperature, max_tokens=params.max_tokens)
    task = get_task(problem.task)
    check = task.check(problem, reply.text)
    refused = "no_chain" if not task.steps(reply.text) and not reply.reasoning.strip() else None
    if check.answer is None or check.outcome is Outcome.UNVERIFIABLE:
        refused = "no_answer"
    yield Sample(
        messages=models.messages("solve"),
        response=whole(reply),
        answer=check.answer,
        attrs={
            **problem.attrs,
            "n_people": problem.tier,
            "cot_kind": "rule_short" if reply.by_rule else "long_teacher",
            "teacher_correct": check.outcome is Outcome.CORRECT,
        },
        notes=SftNotes(refused=refused),
    )

"""Less overthinking: short right answers against the longest one (arXiv:2412.21187).

The positive half is the shortest right answer, or the shortest one cut after its first right solution (FCS), after one more (FCS
and reflection, which the authors recommend), or after as many as each calculate something new (GDS). The negative half is the
longest right answer. Every candidate has its outcome and process efficiency in the view `scores`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.notes import PreferenceNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.solutions import CUTS, solutions
from synth.problems.steps import thoughts_end
from synth.sample import Sample

PAIR = Selection(
    chooser="shortest_and_longest",
    emit="pair",
    role="student",
    margin=0.1,
    scorers=("outcome_efficiency", "process_efficiency"),
)


class OverthinkingParams(SamplingParams):
    """Parameters of `overthinking`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 1.0}
    """Of each answer (the paper)."""

    samples: int = Field(10, ge=2, le=128, description="Answers per problem, as in the paper.")
    max_tokens: int = Field(8192, ge=1, description="Upper bound on each answer; ours.")
    positive: Literal["shortest", "first_right", "first_right_and_reflection", "greedily_diverse"] = Field(
        "first_right_and_reflection", description="How the positive half is simplified."
    )
    margin: float = Field(0.1, ge=0, lt=1, description="Share by which it must be shorter than the negative one; ours.")


def cut(response: str, variant: str, problem: Problem) -> str | None:
    """Cut a right answer as a variant says: its thoughts where it has any, else itself. None where it has no right solution."""
    if variant == "shortest":
        return response
    end = thoughts_end(response)
    thoughts, answer = (response[:end], response[end:]) if end else (response, "")
    where = CUTS[variant](solutions(thoughts, problem, get_task(problem.task)))
    if where is None:
        return None
    kept = thoughts[:where].rstrip()
    return f"{kept}\n</think>\n\n{answer.strip()}" if end else kept


@method(
    "overthinking",
    paper="arXiv:2412.21187",
    makes=("preference", "sft"),
    roles=("student",),
    params=OverthinkingParams,
    calls=PAIR.calls,
    rereads=PAIR.rereads,
    uses=PAIR.uses,
    prepare=calibration(PAIR),
)
async def overthinking(
    problem: Problem, models: Models, params: OverthinkingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers several times; the shortest right answer, simplified, stands against the longest right one."""
    plan = replace(PAIR, margin=0.0)
    async for sample in select(problem, models, params, plan, calibration):
        if sample.kind != "preference":
            yield sample
            continue
        positive = cut(sample.response or "", params.positive, problem)
        response, worse = positive or sample.response or "", sample.rejected or ""
        near = len(response.split()) > (1 - params.margin) * len(worse.split())
        refused = "no_right_solution" if positive is None else "not_shorter" if near and not params.control else None
        yield replace(
            sample,
            response=response,
            attrs={**sample.attrs, "positive": params.positive, "words": [len(response.split()), len(worse.split())]},
            notes=PreferenceNotes(refused=refused, complete=sample.notes.complete if sample.notes else None),
        )

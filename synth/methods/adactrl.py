"""Difficulty tags (AdaCtrl, arXiv:2505.18822): a row begins with `[Easy]` and is short, or with `[Hard]` and is not.

The paper takes an instruct model's answers for easy problems and a reasoning model's for hard ones, and then decides by the pass
rate in RL: easy where more than .625 of 16 rollouts are right. Here that rule decides about the data: the shortest right
candidate of an easy problem, the one of median length of a hard one.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.problems.base import Problem
from synth.sample import Sample

EASY, HARD = "[Easy]", "[Hard]"
LEAST_RATE = 0.625
"""Pass rate that an easy problem is above (the authors' code)."""
TAGGED = Selection(chooser="by_pass_rate", role="student", share=LEAST_RATE)


class AdactrlParams(SamplingParams):
    """Parameters of `adactrl`."""

    samples: int = Field(8, ge=1, le=128, description="Answers per problem; ours, the paper's RL has 16.")
    max_tokens: int = Field(4096, ge=1, description="Upper bound on each answer; ours.")


@method(
    "adactrl",
    paper="arXiv:2505.18822",
    makes=("sft",),
    roles=("student",),
    params=AdactrlParams,
    calls=TAGGED.calls,
    rereads=TAGGED.rereads,
    uses=TAGGED.uses,
    prepare=calibration(TAGGED),
)
async def adactrl(
    problem: Problem, models: Models, params: AdactrlParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers several times; a right answer is learned behind a tag that says whether the problem is easy."""
    rows = [sample async for sample in select(problem, models, params, TAGGED, calibration)]
    values = [score.value for sample in rows for score in sample.scores if score.scorer == "answer"]
    rate = sum(value == 1 for value in values) / len(rows) if values else None
    tag = None if rate is None else EASY if rate > LEAST_RATE else HARD
    for sample in rows:
        taken = sample.notes is not None and sample.notes.refused is None
        tagged = f"{tag} {sample.response}" if taken and tag else sample.response
        yield replace(sample, response=tagged, attrs={**sample.attrs, "tag": tag, "pass_rate": rate})

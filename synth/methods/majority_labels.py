"""Answers by majority: self-consistency as a teacher (arXiv:2210.11610). No gold answer is looked at.

All solutions that come to the answer of the majority are learned. A problem without a gold answer is given that of the majority
(`gold_source: vote`); how often the majority is right is seen where a gold answer exists:

    select avg((outcome = 'accepted')::int) from samples join decisions using (sample_id)
    where method = 'majority_labels' and (notes->>'refused') is null and gold_source = 'data'
"""

from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.problems.base import Problem
from synth.sample import Sample

CONSENSUS = Selection(chooser="consensus")


class MajorityLabelsParams(SamplingParams):
    """Parameters of `majority_labels`."""

    samples: int = Field(32, ge=1, le=128, description="Solutions per problem; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each solution; ours.")
    share: float = Field(
        0.5, ge=0, le=1, description="Share of the solutions that must agree; ours, the paper has none."
    )


def _plan(params: MajorityLabelsParams) -> Selection:
    return Selection(chooser="consensus", share=params.share)


@method(
    "majority_labels",
    paper="arXiv:2210.11610",
    makes=("sft",),
    roles=("teacher",),
    params=MajorityLabelsParams,
    calls=CONSENSUS.calls,
    rereads=CONSENSUS.rereads,
    uses=CONSENSUS.uses,
    prepare=calibration(CONSENSUS),
)
async def majority_labels(
    problem: Problem, models: Models, params: MajorityLabelsParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The teacher solves many times; every solution with the majority's answer is a row, if enough of them agree."""
    async for sample in select(problem, models, params, _plan(params), calibration):
        yield sample

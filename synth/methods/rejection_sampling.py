"""Rejection sampling fine-tuning (RFT, arXiv:2308.01825): of many answers all right ones that calculate otherwise are learned.

-- distinct ways per problem, which the paper finds to matter more than the number of samples
select problem_id, count(*) filter (where (notes->>'refused') is null) as distinct_ways from samples
where method = 'rejection_sampling' group by problem_id
"""

from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.problems.base import Problem
from synth.sample import Sample

DISTINCT = Selection(chooser="distinct_right", role="student")


class RejectionSamplingParams(SamplingParams):
    """Parameters of `rejection_sampling`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7}
    """Of each answer (section 3.3)."""

    samples: int = Field(100, ge=1, le=128, description="Answers per problem (section 3.3).")
    max_tokens: int = Field(512, ge=1, description="Upper bound on each answer; ours.")


@method(
    "rejection_sampling",
    paper="arXiv:2308.01825",
    makes=("sft",),
    roles=("student",),
    params=RejectionSamplingParams,
    calls=DISTINCT.calls,
    rereads=DISTINCT.rereads,
    uses=DISTINCT.uses,
    prepare=calibration(DISTINCT),
)
async def rejection_sampling(
    problem: Problem, models: Models, params: RejectionSamplingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers many times; every right answer with equations that none before it has is a row."""
    async for sample in select(problem, models, params, DISTINCT, calibration):
        yield sample

"""Generative selection (GenSelect, arXiv:2504.16891): a model reads all solutions of a problem and names the best.

The grader is calibrated first on pairs of a right and a wrong solution. Control: `control: true` takes one by lot.
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

NAMED = Selection(chooser="genselect", scorers=("vote",))


class GenselectParams(SamplingParams):
    """Parameters of `genselect`."""

    samples: int = Field(16, ge=2, le=64, description="Solutions that the grader reads ; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each solution; ours.")


@method(
    "genselect",
    paper="arXiv:2504.16891",
    makes=("sft",),
    roles=("teacher", "grader"),
    params=GenselectParams,
    calls=NAMED.calls,
    rereads=NAMED.rereads,
    uses=NAMED.uses,
    prepare=calibration(NAMED),
)
async def genselect(
    problem: Problem, models: Models, params: GenselectParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The teacher solves several times; the grader reads all solutions and names the one that is learned."""
    async for sample in select(problem, models, params, NAMED, calibration):
        yield sample

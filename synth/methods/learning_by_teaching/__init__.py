"""Learning by teaching (LbT, arXiv:2406.14629): of several solutions the one that a student learns most from.

Each solution of the teacher is shown to the student as the one example before variants of the problem; what the student then
gets right is the solution's score. M1 takes the answer whose solutions have the highest sum of scores (SUM) or the best solution
(MAX); M2 makes a pair of the best and the worst solution for preference training. Only for tasks that make variants.

Not here: M3, examples that are tuned by other students' failures.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Literal

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.choosing import Calibration, SamplingParams, Selection, calibration, select
from synth.problems.base import Problem
from synth.sample import Sample

PLANS: Mapping[str, Selection] = {
    "sum": Selection(chooser="best_answer", by="exam", scorers=("vote",)),
    "max": Selection(chooser="best", by="exam", scorers=("vote",)),
    "pair": Selection(chooser="best_and_worst", by="exam", emit="pair", margin=0.3, scorers=("vote",)),
}
"""What M1 and M2 bind; the least distance of a pair is ours."""


class LearningByTeachingParams(SamplingParams):
    """Parameters of `learning_by_teaching`."""

    samples: int = Field(16, ge=2, le=128, description="Solutions of the teacher; ours, the paper has 256.")
    choose: Literal["sum", "max", "pair"] = Field("sum", description="M1 by sum or by the best, or M2.")
    temperature: float = Field(0.7, ge=0, description="Of each solution, as in the paper.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each solution; ours.")

    @property
    def selection(self) -> Selection:
        """What these parameters bind."""
        return PLANS[self.choose]


@method(
    "learning_by_teaching",
    paper="arXiv:2406.14629",
    makes=("sft", "preference"),
    roles=("teacher", "student"),
    tasks=("arithmetic", "knights_knaves"),
    params=LearningByTeachingParams,
    calls=lambda params: params.selection.calls(params),
    rereads=lambda params: params.selection.rereads(params),
    uses=lambda params: params.selection.uses(params),
    prepare=calibration(),
)
async def learning_by_teaching(
    problem: Problem, models: Models, params: LearningByTeachingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The teacher solves several times; what a student solves after each solution says which of them is learned."""
    async for sample in select(problem, models, params, params.selection, calibration):
        yield sample

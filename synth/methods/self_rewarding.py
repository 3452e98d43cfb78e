"""Self-rewarding (arXiv:2401.10020): the model grades its own answers by a rubric, and the best stands against the worst.

The paper's model is its own judge: give the role `grader` the student's model, and each row says so (`own_family`). Here it is
calibrated on checked answers first, and the better half must be right as well unless a policy only observes the filter `answer`.
Not here: the prompts that the paper's model writes for itself, and its training, which is two stages of a plan. Watch the length:

    select avg(s.value) as chosen_words from samples join scores s using (sample_id)
    where method = 'self_rewarding' and s.scorer = 'length' group by night order by night
"""

from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.choosing import Calibration, SamplingParams, Selection, calibration, select
from synth.problems.base import Problem
from synth.sample import Sample

PAIR = Selection(
    chooser="best_and_worst", emit="pair", role="student", by="rubric", scorers=("answer", "length"), top_p=0.9
)


class SelfRewardingParams(SamplingParams):
    """Parameters of `self_rewarding`."""

    samples: int = Field(4, ge=2, le=64, description="Answers per problem, as in the paper.")
    temperature: float = Field(0.7, ge=0, description="Of each answer, with top_p .9, as in the paper.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")


@method(
    "self_rewarding",
    paper="arXiv:2401.10020",
    makes=("preference", "sft"),
    roles=("student", "grader"),
    params=SelfRewardingParams,
    calls=PAIR.calls,
    rereads=PAIR.rereads,
    uses=PAIR.uses,
    prepare=calibration(PAIR),
)
async def self_rewarding(
    problem: Problem, models: Models, params: SelfRewardingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers several times and the grader adds up points; the highest against the lowest is a pair, ties none."""
    async for sample in select(problem, models, params, PAIR, calibration):
        yield sample

"""Declining what is unfamiliar (arXiv:2403.05612): the answer to what the student solves least often is that it does not know.

A tuned model falls back, on what it does not know, to whatever such examples were labelled with. So exactly those of the night's
problems whose number of right answers is below a percentile are relabelled; of the others the first right answer is learned.
Control: `control: true` relabels as many by lot. Not here: for long answers, the paper's reward model that is wary of what is
unfamiliar, and PPO by it, since nothing here says which claims of a long answer are true.

Do not use it for problems that the student is to learn to solve.
"""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.calls.together import at_once
from synth.methods.base import Artefact, Preparation, method
from synth.methods.calibrating import Calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection, sampled
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

LABEL = "I don't know."
"""What an unfamiliar problem is answered with, as in the paper."""
FAMILIAR = Selection(chooser="first_right", role="student")
UNFAMILIAR = Selection(chooser="none", role="student", emit="relabel", label=LABEL, scorers=("answer",))


class UnfamiliarParams(SamplingParams):
    """Parameters of `unfamiliar`."""

    samples: int = Field(12, ge=1, le=128, description="Answers per problem by which familiarity is counted; ours.")
    percent: float = Field(
        30.0, ge=0, le=100, description="Percentile of the right answers below which is relabelled; ours."
    )
    max_tokens: int = Field(512, ge=1, description="Upper bound on each answer; ours.")


class Familiarity(Artefact):
    """How often the student solves each of the night's problems, and which are relabelled.

    Attributes:
        right: Right answers by problem.
        below: The percentile: problems with fewer right answers are unfamiliar.
        relabelled: Problems that are relabelled: the unfamiliar ones, or as many by lot.
    """

    right: dict[str, int]
    below: float
    relabelled: tuple[str, ...]


def percentile(values: Sequence[int], percent: float) -> float:
    """Return a percentile, linear between neighbours as NumPy's default is."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


async def count(problems: Sequence[Problem], models: Models, params: UnfamiliarParams) -> Familiarity:
    """Count the student's right answers to each problem with a gold answer; the attempts find these calls again."""
    checkable = [problem for problem in problems if problem.gold]

    async def right(problem: Problem) -> int:
        task = get_task(problem.task)
        candidates = [candidate for candidate, _ in await sampled(models.about(problem), params, FAMILIAR)]
        return sum(task.check(problem, candidate.text).outcome is Outcome.CORRECT for candidate in candidates)

    counts = dict(zip((problem.id for problem in checkable), await at_once(map(right, checkable)), strict=True))
    below = percentile(list(counts.values()), params.percent) if counts else 0.0
    unfamiliar = [problem_id for problem_id, number in counts.items() if number < below]
    if params.control:
        by_lot = sorted(counts, key=lambda problem_id: seed_from("relabel", problem_id, params.seed))
        unfamiliar = by_lot[: len(unfamiliar)]
    return Familiarity(right=counts, below=below, relabelled=tuple(sorted(unfamiliar)))


@method(
    "unfamiliar",
    paper="arXiv:2403.05612",
    makes=("sft",),
    roles=("student",),
    params=UnfamiliarParams,
    calls=lambda params: {"student": params.samples},
    rereads=lambda params: 1,
    uses=lambda params: (*FAMILIAR.uses(params), *UNFAMILIAR.uses(params)),
    prepare=Preparation(count, Familiarity, calls=lambda params, problems: {"student": problems * params.samples}),
)
async def unfamiliar(
    problem: Problem, models: Models, params: UnfamiliarParams, familiarity: Familiarity
) -> AsyncIterator[Sample]:
    """The student answers several times; what it seldom solves is answered "I don't know.", else a right answer is learned."""
    relabelled = problem.id in familiarity.relabelled
    selection = UNFAMILIAR if relabelled else FAMILIAR
    plain = params.model_copy(update={"control": False})  # the lot was drawn among problems, not among answers
    arm = "random" if params.control else "unfamiliar"
    async for sample in select(problem, models, plain, selection, Calibration()):
        attrs = {
            **sample.attrs,
            "relabel_style": arm if relabelled else "none",
            "n_right": familiarity.right.get(problem.id),
            "below": familiarity.below,
        }
        yield replace(sample, attrs=attrs)

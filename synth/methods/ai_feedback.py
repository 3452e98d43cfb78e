"""Preferences by principle (RL-CAI, arXiv:2212.08073): of two answers the one that follows a principle better.

Two answers of the student are compared in both orders by a principle that is drawn for the problem. The pair is learned when both
orders name the same answer; the paper averages the probabilities of both, which servers do not give for a written verdict. The
principles are those of the method `constitutional`, since ours are about reasoning and the paper's about harm.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.constitutional import PRINCIPLES, draw_principles
from synth.methods.selection import SamplingParams, Selection
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.pairwise import by_criterion

PAIR = Selection(chooser="best_and_worst", emit="pair", role="student", by="pairwise", scorers=("answer", "length"))


class AiFeedbackParams(SamplingParams):
    """Parameters of `ai_feedback`."""

    samples: int = Field(2, ge=2, le=8, description="Answers per problem; a pair in the paper.")
    principles: tuple[str, ...] = Field(
        PRINCIPLES, min_length=1, description="What one is drawn from per problem; ours."
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")


@method(
    "ai_feedback",
    paper="arXiv:2212.08073",
    makes=("preference", "sft"),
    roles=("student", "grader"),
    params=AiFeedbackParams,
    calls=PAIR.calls,
    rereads=PAIR.rereads,
    uses=PAIR.uses,
    prepare=calibration(PAIR),
)
async def ai_feedback(
    problem: Problem, models: Models, params: AiFeedbackParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers twice; the grader compares both by a drawn principle, in both orders, and their verdict is a pair."""
    (number,) = draw_principles(problem.id, len(params.principles), 1)
    judge = by_criterion(f"Which solution follows this principle better? {params.principles[number]}")
    async for sample in select(problem, models, params, PAIR, calibration, {judge.name: judge}):
        yield replace(sample, attrs={**sample.attrs, "principle_id": number})

"""Candidates: several answers to one problem, of which some are taken (best of N; rejection sampling, arXiv:2308.01825).

What a candidate is worth is a scorer's to say (`synth.scorers`), which are taken a chooser's (`synth.choosers`), and what
becomes of them `emit`'s. Those that were not taken are rows too, rejected with the reason `not_chosen`; each row has its scores:

    -- how often the taken one is right, by chooser
    select attrs->>'chooser' as chooser, avg(value) from samples join scores using (sample_id)
    where scorer = 'answer' and (notes->>'refused') is null group by all

Further methods bind these parts as a paper does: `nightschool methods` lists them.
"""

from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from synth.calls.models import Models
from synth.choosers import get_chooser
from synth.methods.base import method
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import Emit, SamplingParams, Selection
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers import get_scorer


class CandidatesParams(SamplingParams):
    """Parameters of `candidates`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7}
    """Rejection sampling fine-tuning (arXiv:2308.01825), section 3.3."""

    samples: int = Field(
        4, ge=1, le=128, description="Candidates per problem and role; the paper samples 100 (RFT, section 3.3)."
    )
    also: tuple[str, ...] = Field((), description="Roles that answer as often as the teacher, too; ours.")
    chooser: str = Field(
        "first_right", description="Which are taken: a name of `synth.choosers` or of your package; ours."
    )
    by: str | None = Field(
        None, description="Scorer that ranks, for choosers that rank (`best`, `best_and_worst`, ...)."
    )
    margin: float = Field(0.0, ge=0, description="How much the better half of a pair must be ahead, where one is made.")
    share: float = Field(
        0.0, ge=0, le=1, description="Share of the votes that a majority must have; the ρ of length control."
    )
    emit: Emit = Field(
        "sft",
        description="What becomes of those taken: a row each (sft), a pair, a row that declines where none is (relabel), steps.",
    )
    label: str = Field("I don't know.", min_length=1, description="What a row says where none is taken, for relabel.")
    scorers: tuple[str, ...] = Field(
        (), description="Scores that are kept besides those that the chooser looks at; ours."
    )

    @field_validator("chooser")
    @classmethod
    def _known_chooser(cls, value: str) -> str:
        get_chooser(value)
        return value

    @field_validator("scorers")
    @classmethod
    def _known_scorers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            get_scorer(name)
        return value

    @model_validator(mode="after")
    def _fitting(self) -> "CandidatesParams":
        chooser = get_chooser(self.chooser)
        if self.by is not None:
            get_scorer(self.by)
        if chooser.ranks != (self.by is not None):
            need = "needs the name of a scorer" if chooser.ranks else "does not rank; leave it out"
            raise ValueError(f"by: the chooser {self.chooser!r} {need}")
        if self.emit == "pair" and not chooser.pairs:
            raise ValueError(f"emit: the chooser {self.chooser!r} makes no pairs; choose one that does, or emit sft")
        return self

    @property
    def selection(self) -> Selection:
        """What these parameters bind."""
        return Selection(
            chooser=self.chooser,
            emit=self.emit,
            also=self.also,
            by=self.by or "",
            margin=self.margin,
            share=self.share,
            scorers=self.scorers,
            label=self.label,
        )


@method(
    "candidates",
    paper="arXiv:2308.01825",
    makes=("sft", "preference", "stepwise"),
    roles=("teacher",),
    params=CandidatesParams,
    calls=lambda params: params.selection.calls(params),
    rereads=lambda params: params.selection.rereads(params),
    uses=lambda params: params.selection.uses(params),
    prepare=calibration(),
)
async def candidates(
    problem: Problem, models: Models, params: CandidatesParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The teacher answers several times; a chooser takes some by their scores, the others are kept as not chosen."""
    async for sample in select(problem, models, params, params.selection, calibration):
        yield sample

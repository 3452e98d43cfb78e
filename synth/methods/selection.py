"""What a method of several candidates binds: who answers, which scorers score, which chooser chooses, and what becomes of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.choosers import Chooser, get_chooser
from synth.methods.drawn import DrawnParams
from synth.sample import Kind
from synth.scorers import Candidate, Scorer, get_scorer

Emit = Literal["sft", "pair", "relabel", "stepwise"]
MAKES: Mapping[Emit, tuple[Kind, ...]] = {
    "sft": ("sft",),
    "pair": ("preference", "sft"),
    "relabel": ("sft",),
    "stepwise": ("stepwise", "sft"),
}
"""Kinds of rows; the candidates themselves are `sft` rows."""


class SamplingParams(DrawnParams):
    """What every method of several candidates lets a recipe say."""

    samples: int = Field(8, ge=1, le=128, description="Candidates per problem; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each candidate; ours.")
    seed: int = Field(0, ge=0, description="Of choosers that draw; another seed draws otherwise.")
    control: bool = Field(
        False, description="Choose by lot instead: the arm that the method has to beat. No judge is asked."
    )


@dataclass(frozen=True)
class Selection:
    """What a method of several candidates binds.

    Attributes:
        chooser: Name of the chooser.
        emit: What is made of its choice: a row of each that is taken (`sft`), a `pair`, a row that says `label` where none is
            taken (`relabel`), the steps with their labels by rule (`stepwise`).
        role: Who answers.
        also: Further roles that answer as often.
        prompt: Prompt of the candidates.
        by: Scorer that ranks, for choosers that rank.
        margin: See `synth.choosers.Choosing`.
        share: Likewise.
        scorers: Scores that are kept besides those that decide.
        label: What a row says where no candidate is taken, for `relabel`.
    """

    chooser: str
    emit: Emit = "sft"
    role: str = "teacher"
    also: tuple[str, ...] = ()
    prompt: str = "solve"
    by: str = ""
    margin: float = 0.0
    share: float = 0.0
    scorers: tuple[str, ...] = ()
    label: str = ""

    def chosen_by(self, params: SamplingParams) -> Chooser:
        """Return the chooser, or its control."""
        chooser = get_chooser(self.chooser)
        return get_chooser(chooser.control) if params.control else chooser

    def deciding(self, params: SamplingParams) -> list[Scorer]:
        """Return the scorers whose values the choice depends on."""
        chooser = self.chosen_by(params)
        names = {*chooser.needs, *((self.by,) if chooser.ranks and self.by else ())}
        return [get_scorer(name) for name in sorted(names)]

    def kept(self, params: SamplingParams) -> list[Scorer]:
        """Return every scorer that is asked, by name."""
        deciding = {scorer.name: scorer for scorer in self.deciding(params)}
        asked = [get_scorer(name) for name in self.scorers]
        extra = {scorer.name: scorer for scorer in asked if not (params.control and scorer.judges)}
        return [scorer for _, scorer in sorted((deciding | extra).items())]

    def judges(self, params: SamplingParams) -> list[Scorer]:
        """Return those of the deciding scorers whose values are a model's opinion."""
        return [scorer for scorer in self.deciding(params) if scorer.judges]

    def calls(self, params: SamplingParams) -> dict[str, int]:
        """Return the calls of an attempt by role, at most."""
        calls = Counter({role: params.samples for role in (self.role, *self.also)})
        for scorer in self.kept(params):
            calls.update(dict.fromkeys(scorer.roles, scorer.calls(params.samples * (1 + len(self.also)))))
        return dict(calls)

    def rereads(self, params: SamplingParams) -> int:
        """Return how many candidates one prompt may hold, at most."""
        return max((scorer.rereads(params.samples * (1 + len(self.also))) for scorer in self.kept(params)), default=1)

    def uses(self, params: SamplingParams) -> tuple[object, ...]:
        """Return the parts that rows depend on."""
        return (self.chosen_by(params), *self.kept(params))


async def sampled(models: Models, params: SamplingParams, selection: Selection) -> list[tuple[Candidate, Reply]]:
    """Ask for the candidates of one problem; the same whenever it is asked."""
    roles = (selection.role, *selection.also)
    replies = await together(
        getattr(models, role)(selection.prompt, sample=number, **params.sampling)
        for role in roles
        for number in range(params.samples)
    )
    names = [role for role in roles for _ in range(params.samples)]
    return [
        (
            Candidate(
                reply.text,
                reply.call_id,
                reply.complete,
                reply.completion_tokens,
                reply.reasoning,
                role,
                reply.model,
            ),
            reply,
        )
        for role, reply in zip(names, replies, strict=True)
    ]

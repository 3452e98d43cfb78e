"""Candidates: several answers to one problem, of which one is taken (best of N; rejection sampling, arXiv:2308.01825).

What a candidate is worth is a scorer's to say (`synth.scorers`), which one is taken a chooser's (`synth.choosers`). Those that
were not taken are rows too, rejected with the reason `not_chosen`; each row has its scores.

    -- how often the taken one is right, by chooser
    select attrs->>'chooser' as chooser, avg(value) from samples join evidence on subject_id = sample_id
    where kind = 'score' and name = 'answer' and (notes->>'refused') is null group by all
"""

from collections import Counter
from collections.abc import AsyncIterator

from pydantic import Field, field_validator

from storage.ids import seed_from
from synth.calls.models import Models
from synth.choosers import get_chooser
from synth.methods.base import Params, method, together, whole
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers import Candidate, Scorer, get_scorer, score_of


class CandidatesParams(Params):
    """Parameters of `candidates`."""

    samples: int = Field(
        4, ge=1, le=100, description="Candidates per problem; the paper samples 100 (RFT, section 3.3)."
    )
    chooser: str = Field(
        "first_right", description="Which one is taken: a name of `synth.choosers` or of your package; ours."
    )
    scorers: tuple[str, ...] = Field(
        (), description="Scores that are kept besides those that the chooser looks at; ours."
    )
    seed: int = Field(0, ge=0, description="Of choosers that draw; another seed draws otherwise.")
    temperature: float = Field(0.7, ge=0, description="Sampling temperature (RFT, section 3.3).")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each candidate; ours.")

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


def _scorers(params: CandidatesParams) -> list[Scorer]:
    """The scorers that the chooser looks at and those that are kept besides, by name."""
    return [get_scorer(name) for name in sorted({*get_chooser(params.chooser).needs, *params.scorers})]


def _calls(params: CandidatesParams) -> dict[str, int]:
    calls = Counter({"teacher": params.samples})
    for scorer in _scorers(params):
        calls.update(dict.fromkeys(scorer.roles, params.samples * scorer.calls))
    return dict(calls)


@method(
    "candidates",
    paper="arXiv:2308.01825",
    makes=("sft",),
    roles=("teacher",),
    params=CandidatesParams,
    calls=_calls,
    uses=lambda params: (get_chooser(params.chooser), *_scorers(params)),
)
async def candidates(problem: Problem, models: Models, params: CandidatesParams) -> AsyncIterator[Sample]:
    """The teacher answers several times; a chooser takes one by its scores, the others are kept as not chosen."""
    replies = await together(
        models.teacher("solve", temperature=params.temperature, max_tokens=params.max_tokens, sample=number)
        for number in range(params.samples)
    )
    offered = [Candidate(reply.text, reply.call_id, reply.complete) for reply in replies]
    chooser = get_chooser(params.chooser)
    scorers = _scorers(params)
    scores = {scorer.name: await scorer(problem, offered, models) for scorer in scorers}
    chosen = chooser(offered, scores, seed_from("choose", problem.id, params.seed))
    for number, reply in enumerate(replies):
        yield Sample(
            messages=models.messages("solve"),
            response=whole(reply),
            answer=get_task(problem.task).check(problem, reply.text).answer,
            attrs={"chooser": chooser.name, "candidate": number, "candidates": len(replies)},
            notes=SftNotes(refused=None if number == chosen else "not_chosen"),
            scores=[score_of(scorer, scores[scorer.name][number]) for scorer in scorers],
            parents=[reply.call_id],
        )

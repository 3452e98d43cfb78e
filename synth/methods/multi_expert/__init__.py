"""Several experts and one answer (Multi-expert Prompting, arXiv:2411.00492).

The teacher names experts for the question, answers as each of them, and merges the answers in one reply: what most say, where
they disagree and how that is resolved, what only one says, a combined answer, and which of all answers is the best. That one is the
row. Where the checker knows that it is right and an expert's answer is wrong, both are a pair.

    -- how often the merge goes against the majority of the experts, and is right
    select (attrs->>'with_majority')::boolean as with_majority, count(*), avg((outcome = 'accepted')::int)
    from samples join decisions using (sample_id) where method = 'multi_expert' and kind = 'sft' group by all
"""

from collections.abc import AsyncIterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, create_model

from synth.answers.judge import equal_answers, majority
from synth.answers.outcome import Check, Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Params, method, whole
from synth.notes import PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class MultiExpertParams(Params):
    """Parameters of `multi_expert`."""

    experts: int = Field(3, ge=2, le=9, description="Experts; three in the paper, which stays below ten.")
    temperature: float | None = Field(None, ge=0, description="Of every reply; None lets the role or its model decide.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; the paper asks for 500 words at most.")


MOST = 16
"""Statements of each kind in a merge, so that a model that repeats itself comes to an end; ours."""


class Expert(BaseModel):
    """One expert."""

    model_config = ConfigDict(extra="forbid")

    role: str = Field(min_length=1, max_length=120)
    description: str = Field(min_length=1, max_length=600)


class Merge(BaseModel):
    """What the merge comes to; `selected` is 0 for the combined answer, else the number of an expert."""

    model_config = ConfigDict(extra="forbid")

    agreed: list[str] = Field(max_length=MOST)
    conflicts: list[str] = Field(max_length=MOST)
    resolved: list[str] = Field(max_length=MOST)
    isolated: list[str] = Field(max_length=MOST)
    combined: str = Field(min_length=1)
    selected: int = Field(ge=0)


def _exactly(count: int) -> type[BaseModel]:
    """The schema of a list of so many experts."""
    return create_model(
        "Experts",
        __config__=ConfigDict(extra="forbid"),
        experts=(list[Expert], Field(min_length=count, max_length=count)),
    )


@method(
    "multi_expert",
    paper="arXiv:2411.00492",
    makes=("sft", "preference"),
    roles=("teacher",),
    params=MultiExpertParams,
    calls=lambda params: {"teacher": 2 + params.experts},
    rereads=lambda params: params.experts,
)
async def multi_expert(problem: Problem, models: Models, params: MultiExpertParams) -> AsyncIterator[Sample]:
    """The teacher answers as several experts and merges their answers; the best of all is learned."""
    task, limit, warmth = get_task(problem.task), params.max_tokens, params.temperature
    named = await models.teacher(
        "experts", count=params.experts, schema=_exactly(params.experts), temperature=warmth, max_tokens=limit
    )
    experts: list[Expert] = named.value.experts
    replies = await together(
        models.teacher(
            "answer_as", role=expert.role, about=expert.description, temperature=warmth, max_tokens=limit, sample=number
        )
        for number, expert in enumerate(experts)
    )
    merged = await models.teacher(
        "merge", answers=[reply.text for reply in replies], schema=Merge, temperature=warmth, max_tokens=limit
    )
    checks = [task.check(problem, reply.text) for reply in replies]
    selected, merge = merged.value.selected, merged.value
    final = whole(replies[selected - 1]) if 0 < selected <= len(replies) else merge.combined
    check = task.check(problem, final)
    vote, votes = majority(expert_check.answer for expert_check in checks)
    attrs = {
        "experts": [
            {"role": expert.role, "answer": expert_check.answer}
            for expert, expert_check in zip(experts, checks, strict=True)
        ],
        "merge": {name: getattr(merge, name) for name in ("agreed", "conflicts", "resolved", "isolated")},
        "selected": "combined" if selected == 0 else f"expert_{selected}",
        "with_majority": None if vote is None or check.answer is None else equal_answers(vote, check.answer),
        "votes": votes,
    }
    parents = [named.call_id, *(reply.call_id for reply in replies), merged.call_id]
    yield Sample(
        messages=models.messages("solve"),
        response=final,
        answer=check.answer,
        attrs=attrs,
        notes=SftNotes(
            refused="no_such_expert" if selected > len(replies) else None,
            complete=all(reply.complete for reply in replies),
        ),
        parents=parents,
    )
    worse = _least_agreed(replies, checks)
    if check.outcome is Outcome.CORRECT and worse is not None:
        yield Sample(
            kind="preference",
            messages=models.messages("solve"),
            response=final,
            rejected=whole(worse),
            answer=check.answer,
            attrs=attrs,
            notes=PreferenceNotes(complete=all(reply.complete for reply in replies)),
            parents=parents,
        )


def _least_agreed(replies: Sequence[Reply], checks: Sequence[Check]) -> Reply | None:
    """The first wrong answer of an expert with the fewest votes; None where none is surely wrong."""
    wrong = [number for number, check in enumerate(checks) if check.outcome is Outcome.WRONG]
    if not wrong:
        return None

    def votes(number: int) -> int:
        own = checks[number].answer
        return sum(
            own is not None and other.answer is not None and equal_answers(own, other.answer) for other in checks
        )

    return replies[min(wrong, key=lambda number: (votes(number), number))]

"""Chain of thought: a worked solution per problem, with k samples a majority vote and a pass rate."""

from collections import Counter
from collections.abc import AsyncIterator

from pydantic import Field

from synth.answers.judge import equal_answers, majority
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.methods.base import Params, method, together, whole
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

VOTING = {"temperature": 0.7}
"""What the paper could not do without: solutions that differ."""


class CotParams(Params):
    """Parameters of `cot`."""

    samples: int = Field(
        1, ge=1, le=64, description="Solutions per problem. Self-consistency (arXiv:2203.11171) uses 40."
    )
    temperature: float | None = Field(
        None,
        ge=0,
        description="Sampling temperature; None: 0.7 where several solutions vote (arXiv:2203.11171, section 3.1), else the role's "
        "or its model's own.",
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each solution; ours.")


@method(
    "cot",
    paper="arXiv:2201.11903",
    makes=("sft",),
    roles=("teacher",),
    params=CotParams,
    calls=lambda params: {"teacher": params.samples},
)
async def cot(problem: Problem, models: Models, params: CotParams) -> AsyncIterator[Sample]:
    """The teacher writes worked solutions; each is kept with the vote and pass rate of its k samples."""
    replies = await together(
        models.teacher(
            "solve",
            temperature=params.temperature,
            essential=VOTING if params.samples > 1 else None,
            max_tokens=params.max_tokens,
            sample=number,
        )
        for number in range(params.samples)
    )
    task = get_task(problem.task)
    checks = [task.check(problem, reply.text) for reply in replies]
    answers = Counter(check.answer for check in checks if check.answer is not None)
    vote, votes = majority(check.answer for check in checks)
    pass_rate = sum(check.outcome is Outcome.CORRECT for check in checks) / len(checks)
    for reply, check in zip(replies, checks, strict=True):
        own = check.answer
        alike = sum(count for other, count in answers.items() if own is not None and equal_answers(own, other))
        yield Sample(
            messages=models.messages("solve"),
            response=whole(reply),
            answer=check.answer,
            attrs={
                "vote": vote,
                "votes": votes,
                "pass_rate": pass_rate,
                "k": params.samples,
            },
            notes=SftNotes(agreement=alike / params.samples) if params.samples > 1 else None,
            parents=[reply.call_id],
        )

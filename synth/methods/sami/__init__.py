"""Answers under two constitutions that say the opposite (SAMI): what is learned is which constitution an answer was written under.

    -- how many pairs fell out, and why
    select notes->>'refused', count(*) from samples where method = 'sami' group by all

For each problem a constitution is drawn: of each principle one of its two sides; the other constitution has the other sides. The
student answers under both, and the row holds both prompts and both answers, which the loss `sami` compares crosswise. No answer is
preferred: each is the better one under its own constitution, so both must be right: the first by all filters, the second, which
they do not read, by the checker. Not here: the model that writes the principles, which are the recipe's.
"""

from collections.abc import AsyncIterator

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.notes import PreferenceNotes, Turn
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

PRINCIPLES = (
    ("Write each calculation on a line of its own.", "Write the calculations one after the other in one paragraph."),
    ("Say in words why each step is taken.", "Write as few words as you can beside the calculations."),
)
"""Ours, about how a solution is written; the paper's are about dialogue and summaries."""


class SamiParams(Params):
    """Parameters of `sami`."""

    principles: tuple[tuple[str, str], ...] = Field(
        PRINCIPLES, min_length=1, description="Principles, each with its opposite; ours."
    )
    temperature: float | None = Field(None, ge=0, description="Of each answer; None lets the role or its model decide.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")


def constitutions(problem_id: str, principles: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """Return a constitution, drawn by hashing, and the one that says the opposite of each of its principles."""
    sides = [seed_from("side", problem_id, number) % 2 for number in range(len(principles))]
    chosen = [pair[side] for pair, side in zip(principles, sides, strict=True)]
    others = [pair[1 - side] for pair, side in zip(principles, sides, strict=True)]
    return " ".join(chosen), " ".join(others)


@method(
    "sami",
    paper="arXiv:2404.14313",
    makes=("preference",),
    roles=("student",),
    params=SamiParams,
    calls=lambda params: {"student": 2},
)
async def sami(problem: Problem, models: Models, params: SamiParams) -> AsyncIterator[Sample]:
    """The student answers under a constitution and under its opposite; the row holds both prompts and both answers."""
    both = constitutions(problem.id, params.principles)
    first, second = [
        await models.student("follow", constitution=text, temperature=params.temperature, max_tokens=params.max_tokens)
        for text in both
    ]
    task = get_task(problem.task)
    checks = [task.check(problem, reply.text) for reply in (first, second)]
    prompts = [models.messages("follow", constitution=text) for text in both]
    refused = "other_not_right" if checks[1].outcome is not Outcome.CORRECT else None
    yield Sample(
        kind="preference",
        messages=prompts[0],
        response=whole(first),
        rejected=whole(second),
        answer=checks[0].answer,
        attrs={"constitution": both[0], "other_constitution": both[1], "other_check": checks[1].outcome.value},
        notes=PreferenceNotes(
            refused="halves_alike" if first.text.strip() == second.text.strip() else refused,
            complete=first.complete and second.complete,
            other_prompt=tuple(Turn(role=turn["role"], content=turn["content"]) for turn in prompts[1]),
        ),
        parents=[second.call_id, first.call_id],
    )

"""Critique and revision with principles (Constitutional AI, arXiv:2212.08073, section 3), for solutions that can be checked.

A draft is criticised by a principle and revised, again and again with fresh principles; all revisions are learned from. The
paper's principles are about harm. Ours are about reasoning, so what the paper could not do is done here: a chain that made a
right answer wrong is refused, and the better half of a pair is verified. The paper's second stage, in which a
model compares two answers, is the method `ai_feedback`.

    -- how often a revision breaks or mends an answer
    select avg(((attrs->>'transition') = 'right_to_wrong')::int), avg(((attrs->>'transition') = 'wrong_to_right')::int)
    from samples where method = 'constitutional' and kind = 'sft'
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import Field

from storage.ids import digest, seed_from
from synth.answers.outcome import Check, Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.notes import PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

PRINCIPLES = (
    "Every step follows from what is given or from an earlier step, and nothing is assumed without saying so.",
    "Every number comes from the problem or from a calculation that is shown, and every calculation is right.",
    "The answer is the thing that was asked for, in its unit, and is stated once, in the last line.",
    "Where something is not certain the solution says so, and says how it was checked.",
)
"""Ours: the paper's are about harm."""


class ConstitutionalParams(Params):
    """Parameters of `constitutional`."""

    revisions: int = Field(
        4, ge=1, le=16, description="Revisions of each draft, each by a fresh principle; four by secondary sources."
    )
    principles: tuple[str, ...] = Field(PRINCIPLES, min_length=1, description="What is drawn from; ours.")
    min_change: float = Field(
        0.02, ge=0, le=1, description="A revision that changes less of the text than this is refused; ours."
    )
    temperature: float | None = Field(None, ge=0, description="Of the draft; None lets the role or its model decide.")
    attempt_tokens: int = Field(512, ge=1, description="Upper bound on the draft; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each critique and revision; ours.")


@dataclass(frozen=True)
class _Turn:
    """One text of the chain: the draft, or a revision with what led to it."""

    text: str
    check: Check
    reply: Reply
    principle: int | None = None
    critique: Reply | None = None

    @property
    def right(self) -> bool:
        return self.check.outcome is Outcome.CORRECT


@method(
    "constitutional",
    paper="arXiv:2212.08073",
    makes=("sft", "preference"),
    roles=("student", "teacher"),
    params=ConstitutionalParams,
    calls=lambda params: {"student": 1, "teacher": 2 * params.revisions},
)
async def constitutional(problem: Problem, models: Models, params: ConstitutionalParams) -> AsyncIterator[Sample]:
    """A draft is criticised by principles and revised; every revision is a row, and last against draft is a pair."""
    task = get_task(problem.task)
    draft = await models.student("solve", temperature=params.temperature, max_tokens=params.attempt_tokens)
    chain = [_Turn(draft.text, task.check(problem, draft.text), draft)]
    if not task.steps(draft.text):  # there is nothing to criticise
        yield Sample(
            messages=models.messages("solve"),
            response=draft.text,
            answer=chain[0].check.answer,
            attrs={"op": "draft", "draft": draft.text},
            notes=SftNotes(refused="no_steps", complete=draft.complete),
        )
        return
    for number, principle in enumerate(draw_principles(problem.id, len(params.principles), params.revisions)):
        inputs: dict[str, Any] = {"solution": chain[-1].text, "principle": params.principles[principle]}
        critique = await models.teacher("principle_critique", max_tokens=params.max_tokens, sample=number, **inputs)
        reply = await models.teacher(
            "principle_revision", critique=critique.text, max_tokens=params.max_tokens, sample=number, **inputs
        )
        chain.append(_Turn(reply.text, task.check(problem, reply.text), reply, principle, critique))
    broken = any(before.right and not after.right for before, after in pairwise(chain))
    shared = {"op": "revision", "chain_id": digest("chain", problem.id, draft.call_id), "draft": draft.text}
    for index, (before, after) in enumerate(pairwise(chain), start=1):
        change = edit_ratio(before.text, after.text)
        unchanged = "no_change" if change < params.min_change else None
        yield Sample(
            messages=models.messages("solve"),
            response=whole(after.reply),
            answer=after.check.answer,
            attrs={
                **shared,
                "revision_idx": index,
                "principle_id": after.principle,
                "critique": after.critique.text if after.critique else "",
                "edit_ratio": round(change, 4),
                "transition": _transition(before, after),
            },
            notes=SftNotes(refused="right_to_wrong" if broken else unchanged, complete=after.reply.complete),
            parents=_parents(chain[: index + 1]),
        )
    last = chain[-1]
    same = "halves_alike" if edit_ratio(draft.text, last.text) < params.min_change else None
    yield Sample(
        kind="preference",
        messages=models.messages("solve"),
        response=whole(last.reply),
        rejected=draft.text,
        answer=last.check.answer,
        attrs={
            **shared,
            "transition": _transition(chain[0], last),
            "draft_check": chain[0].check.outcome.value,
            "last_check": last.check.outcome.value,
        },
        notes=PreferenceNotes(refused="right_to_wrong" if broken else same, complete=last.reply.complete),
        parents=_parents(chain),
    )


def draw_principles(problem_id: str, count: int, revisions: int) -> list[int]:
    """Draw a principle for each revision by hashing: none comes again before all have been used."""
    drawn: list[int] = []
    while len(drawn) < revisions:
        turn = len(drawn) // count
        drawn += sorted(range(count), key=lambda number: seed_from("principle", problem_id, turn, number))
    return drawn[:revisions]


def edit_ratio(before: str, after: str) -> float:
    """How much of a text was changed, in pairs of neighbouring words: 0 nothing, 1 everything."""
    first, second = (Counter(pairwise(["", *text.split(), ""])) for text in (before, after))
    return 1 - 2 * (first & second).total() / (first.total() + second.total())


def _transition(before: _Turn, after: _Turn) -> str:
    return f"{'right' if before.right else 'wrong'}_to_{'right' if after.right else 'wrong'}"


def _parents(chain: list[_Turn]) -> list[str]:
    return [reply.call_id for turn in chain for reply in (turn.critique, turn.reply) if reply is not None]

"""Tutorship amplification (JiuZhang-8B, arXiv:2501.14002): a student's attempt, a teacher's check and correction."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import Field

from synth.ask import Models
from synth.methods.base import Params, method
from synth.problems import get_task
from synth.problems.base import Outcome, Problem
from synth.sample import Sample

_CHECK = re.compile(r"^\W*check\W*\s*(correct|right|wrong|incorrect)\b", re.I | re.M)
_STEP = re.compile(r"^\W*first wrong step\W*\s*(\d{1,4})\b", re.I | re.M)
_WHY = re.compile(r"^\W*why\W*\s*(.+)$", re.I | re.M)
_CORRECTED = re.compile(r"^\W*corrected\W*$\n?(.*)\Z", re.I | re.M | re.S)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A teacher's reply, read.

    Attributes:
        check: `correct` or `wrong`; None when the reply does not say.
        first_wrong: First wrong step, counted from 1.
        why: What is wrong.
        corrected: The right steps from there on.
    """

    check: str | None
    first_wrong: int | None
    why: str
    corrected: str


def read_lesson(text: str) -> Lesson:
    """Read a teacher's reply in the form that the prompt `correct` asks for."""
    check, step, why, corrected = _CHECK.search(text), _STEP.search(text), _WHY.search(text), _CORRECTED.search(text)
    verdict = None if check is None else "correct" if check[1].lower() in ("correct", "right") else "wrong"
    return Lesson(
        verdict,
        int(step[1]) if step else None,
        why[1].strip() if why else "",
        corrected[1].strip() if corrected else "",
    )


class TutorshipParams(Params):
    """Parameters of `tutorship`."""

    temperature: float = Field(1.0, ge=0, description="Of the student's attempt; unpublished, ours.")
    attempt_tokens: int = Field(512, ge=1, description="Upper bound on the student's attempt.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on the teacher's reply.")


@method(
    "tutorship",
    paper="arXiv:2501.14002",
    makes=("sft",),
    roles=("student", "teacher"),
    params=TutorshipParams,
)
async def tutorship(problem: Problem, models: Models, params: TutorshipParams) -> AsyncIterator[Sample]:
    """The student tries, the teacher checks, names the first wrong step, explains and completes."""
    attempt = await models.student("solve", temperature=params.temperature, max_tokens=params.attempt_tokens)
    reply = await models.teacher("correct", attempt=attempt.text, max_tokens=params.max_tokens)
    lesson = read_lesson(reply.text)
    task = get_task(problem.task)
    steps = task.steps(attempt.text)
    checked = task.check(problem, attempt.text)
    corrected = task.check(problem, lesson.corrected)
    right = checked.outcome is Outcome.CORRECT
    yield Sample(
        messages=models.messages("tutor", attempt=attempt.text),
        response=models.text(
            "lesson",
            attempt=attempt.text,
            check=lesson.check,
            first_error_step=lesson.first_wrong,
            why=lesson.why,
            corrected=lesson.corrected,
        )
        if lesson.check
        else reply.text,
        answer=checked.answer if lesson.check == "correct" else corrected.answer,
        attrs={
            "op": "tutor_amp",
            "student_attempt": attempt.text,
            "student_model": attempt.model,
            "check": lesson.check,
            "first_error_step": lesson.first_wrong,
            "error_explanation": lesson.why,
            "n_steps": len(steps),
            "readable": bool(steps) and checked.answer is not None,
            "oracle_check": checked.outcome.value,
            "agrees": None if lesson.check is None else (lesson.check == "correct") == right,
            "complete": reply.complete,
        },
    )

"""Tutorship amplification (JiuZhang-8B, arXiv:2501.14002): a student's attempt, a teacher's check and correction.

The teacher sees a right solution and whether the student's answer is right, the student never does. How good the teacher is and
what a lesson is worth can be read from the rows:

    -- the teacher's error rate: where its verdict and the checker disagree
    select avg(((notes->'judgement'->>'agrees') = 'false')::int) from samples
    where method = 'tutorship' and (attrs->>'oracle_check') in ('correct', 'wrong') and (attrs->>'check') is not null
    -- what a lesson is worth (`retry: true`): right after a hint, less right on a second try without one
    select avg(((attrs->>'second_correct') = 'true')::int) - avg(((attrs->>'control_correct') = 'true')::int) from samples
    where method = 'tutorship' and (attrs->>'second_attempt') is not null and (attrs->>'control_attempt') is not null
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Check, Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import Params, method, together
from synth.methods.copying import copied_line, repeats
from synth.methods.leaks import mentions_reference
from synth.methods.tutorship.lesson import (
    VERDICT_LINE,
    Lesson,
    contradiction,
    mentions_answer,
    read_lesson,
    speaks_of_step,
)
from synth.notes import Attempt, Judgement, SftNotes, Share
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.problems.founded import unfounded_number
from synth.problems.rule import Rule
from synth.sample import Sample


class TutorshipParams(Params):
    """Parameters of `tutorship`."""

    temperature: float | None = Field(
        None, ge=0, description="Of the student's attempts; unpublished, so None lets the role or its model decide."
    )
    attempt_tokens: int = Field(512, ge=1, description="Upper bound on an attempt of the student; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on the teacher's reply; ours.")
    confirmations: float = Field(
        0.3, ge=0, le=1, description="Rows that only confirm a right attempt: at most this share; unpublished, ours."
    )
    retry: bool = Field(False, description="Ask the student again after the lesson, which becomes a number; ours.")
    control: bool = Field(
        True, description="With `retry`, also ask again without the lesson: what a second try is worth by itself; ours."
    )


def _calls(params: TutorshipParams) -> Mapping[str, int]:
    return {"student": 1 + params.retry * (1 + params.control), "teacher": 1}


@method(
    "tutorship",
    paper="arXiv:2501.14002",
    makes=("sft",),
    roles=("student", "teacher"),
    params=TutorshipParams,
    calls=_calls,
    shows_gold=("correct",),
)
async def tutorship(problem: Problem, models: Models, params: TutorshipParams) -> AsyncIterator[Sample]:
    """The student tries, the teacher checks, names the first wrong step, explains and completes."""
    reply = await models.student("solve", temperature=params.temperature, max_tokens=params.attempt_tokens)
    tried = _Tried.read(problem, reply)
    if not tried.about.readable:  # there is no lesson in noise, so the teacher is not asked
        yield Sample(
            messages=models.messages("lesson_question", attempt=reply.text),
            response="",
            attrs=tried.attrs,
            notes=SftNotes(attempt=tried.about, judgement=Judgement(agrees=None), complete=reply.complete),
        )
        return
    correction = await _corrected(problem, models, params, tried)
    lesson = read_lesson(correction.text)
    corrected = get_task(problem.task).check(problem, lesson.corrected)
    named = lesson.first_wrong if lesson.check == "wrong" and tried.rule.allows(lesson.first_wrong) else None
    why = lesson.why if named is not None or not speaks_of_step(lesson.why) else ""
    response = _taught(models, tried, lesson, correction, named, why)
    again: dict[str, Any] = {}
    if params.retry and lesson.check == "wrong":
        again = await _try_again(problem, models, params, reply, named, why)
    yield Sample(
        messages=models.messages("lesson_question", attempt=reply.text),
        response=response,
        answer=tried.check.answer if lesson.check == "correct" else corrected.answer,
        attrs={
            **tried.attrs,
            "teacher_model": correction.model,
            "check": lesson.check,
            "first_error_step": named,
            "error_explanation": why,
            **tried.rule.columns(lesson.first_wrong),
            **again,
        },
        notes=SftNotes(
            attempt=tried.about,
            judgement=Judgement(agrees=_agrees(lesson, tried.check.outcome, tried.rule)),
            share=_confirmation(problem, lesson, params),
            refused=_refused(problem, models, tried, lesson, corrected, correction.text, response),
            complete=correction.complete,
        ),
        parents=[reply.call_id, correction.call_id],
    )


@dataclass(frozen=True)
class _Tried:
    """A student's attempt, and what judge and rule know of it."""

    reply: Reply
    steps: list[str]
    check: Check
    rule: Rule

    @classmethod
    def read(cls, problem: Problem, reply: Reply) -> "_Tried":
        task = get_task(problem.task)
        return cls(reply, task.steps(reply.text), task.check(problem, reply.text), Rule.of(problem, reply.text))

    @property
    def about(self) -> Attempt:
        return Attempt(text=self.reply.text, readable=bool(self.steps) and self.check.answer is not None)

    @property
    def attrs(self) -> dict[str, Any]:
        return {
            "op": "tutor_amp",
            "student_model": self.reply.model,
            "n_steps": len(self.steps),
            "oracle_check": self.check.outcome.value,
        }


async def _corrected(problem: Problem, models: Models, params: TutorshipParams, tried: _Tried) -> Reply:
    """Let the teacher check an attempt; it is told a right solution, where there is one, and whether the answer is right."""
    solution = get_task(problem.task).solve(problem) if problem.solution else None
    return await models.teacher(
        "correct",
        attempt=tried.reply.text,
        steps=tried.steps,
        answer=tried.check.answer,
        answer_right=None if tried.check.outcome is Outcome.UNVERIFIABLE else tried.check.outcome is Outcome.CORRECT,
        solution=models.form.rewrite(solution) if solution else None,
        max_tokens=params.max_tokens,
    )


def _taught(models: Models, tried: _Tried, lesson: Lesson, correction: Reply, named: int | None, why: str) -> str:
    """Word the lesson that is learned; the teacher's own words where they hold no verdict."""
    if not lesson.check:
        return correction.text
    return models.text(
        "lesson_answer",
        attempt=tried.reply.text,
        check=lesson.check,
        first_error_step=named,
        why=why,
        corrected=lesson.corrected,
    )


def _refused(
    problem: Problem, models: Models, tried: _Tried, lesson: Lesson, corrected: Check, correction: str, response: str
) -> str | None:
    """Why a lesson is not believed: what it is copied from, what is wrong with it, or that it gives away what it was shown."""
    # a verdict may be worded as the examples word it; what teaches may not
    own = "\n".join(line for line in correction.splitlines() if lesson.check is None or not VERDICT_LINE.match(line))
    if copied_line(own, models.source("correct")) is not None:
        return "copied_prompt"
    fault = _fault(lesson, problem.prompt, tried.reply.text, tried.check, corrected, tried.rule)
    return "mentions_reference" if fault in (None, "no_correction") and mentions_reference(response) else fault


def _fault(lesson: Lesson, question: str, attempt: str, checked: Check, corrected: Check, rule: Rule) -> str | None:
    """Why a reply is not believed: it contradicts itself, blames a right step, or corrects with what is false or from nowhere."""
    own = contradiction(lesson, checked.answer, corrected.answer, false=false_equation(attempt) is not None)
    if own is None and lesson.check == "wrong":
        if not lesson.corrected:
            return "no_correction"
        if rule.contradicts(lesson.first_wrong):
            return "step_disagrees"
        if false_equation(lesson.corrected) is not None:
            return "false_correction"
        if unfounded_number(lesson.corrected, question, attempt) is not None:
            return "unfounded_number"
        if lesson.why and repeats(f"{question}\n{attempt}", lesson.why):
            return "no_explanation"  # what the attempt or the problem says, said again
    return own


def _agrees(lesson: Lesson, outcome: Outcome, rule: Rule) -> bool | None:
    """Whether the teacher says what the judge says; None when one of them does not say.

    A right answer reached through false arithmetic is no right attempt; it is called wrong rightly where the false step is named.
    """
    if lesson.check is None or outcome is Outcome.UNVERIFIABLE:
        return None
    if outcome is Outcome.CORRECT and rule.first_false is not None:
        return False if lesson.check == "correct" else True if lesson.first_wrong == rule.first_false else None
    return (lesson.check == "correct") == (outcome is Outcome.CORRECT)


def _confirmation(problem: Problem, lesson: Lesson, params: TutorshipParams) -> Share | None:
    """Mark a row that only confirms: over the night, those with the lowest draws are kept up to the cap."""
    if lesson.check != "correct":
        return None
    draw = seed_from("confirmation", problem.id) / 2**63
    return Share(of="confirmation", cap=params.confirmations, draw=round(draw, 9))


async def _try_again(
    problem: Problem, models: Models, params: TutorshipParams, attempt: Reply, step: int | None, why: str
) -> dict[str, Any]:
    """Ask the student again after the lesson, without what would give the answer away; and once without the lesson.

    The hint is the first wrong step and what is wrong with it, never the corrected steps: those end in the answer. An
    explanation that holds the answer is left out too.
    """
    task = get_task(problem.task)
    gives_away = mentions_answer(why, problem)
    hint = "" if gives_away else why
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.attempt_tokens}
    asked = [models.student("retry", attempt=attempt.text, first_error_step=step, why=hint, **options)]
    if params.control:
        asked.append(models.student("solve", sample=1, **options))
    names = ("second", "control")
    columns: dict[str, Any] = {"explanation_gives_answer": gives_away}
    for name, reply in zip(names, await together(asked), strict=False):
        columns[f"{name}_attempt"] = reply.text
        columns[f"{name}_correct"] = task.check(problem, reply.text).outcome is Outcome.CORRECT
    return columns

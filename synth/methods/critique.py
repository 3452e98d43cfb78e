"""Step-wise critique with label-aware prompting (Math-Minos, arXiv:2406.14024): why each step is right or wrong."""

import re
from collections.abc import AsyncIterator

from pydantic import Field

from synth.ask import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method
from synth.problems import get_task
from synth.problems.base import Outcome, Problem
from synth.sample import Sample

_VERDICT = re.compile(r"^\W*step\s+(\d{1,4})\W+(right|wrong|correct|incorrect)\b", re.I | re.M)
_LEAK = re.compile(r"\b(label|told|given that|reference answer|marked as)\b", re.I)


def read_verdicts(text: str, steps: int) -> list[bool] | None:
    """Read the verdict of each step from a critique; None unless every step has exactly one."""
    found: dict[int, bool] = {}
    for number, word in _VERDICT.findall(text):
        if int(number) in found:
            return None
        found[int(number)] = word.lower() in ("right", "correct")
    return [found[index] for index in range(1, steps + 1)] if set(found) == set(range(1, steps + 1)) else None


class CritiqueParams(Params):
    """Parameters of `critique`."""

    temperature: float = Field(1.0, ge=0, description="Of the student's attempt.")
    attempt_tokens: int = Field(512, ge=1)
    max_tokens: int = Field(
        1024, ge=1, description="Upper bound on the critique (the repository trains at length 1024)."
    )


@method("critique", paper="arXiv:2406.14024", makes=("stepwise",), roles=("student", "teacher"), params=CritiqueParams)
async def critique(problem: Problem, models: Models, params: CritiqueParams) -> AsyncIterator[Sample]:
    """The teacher explains, step by step, the known verdicts on a student's attempt."""
    attempt = await models.student("solve", temperature=params.temperature, max_tokens=params.attempt_tokens)
    task = get_task(problem.task)
    review = task.review(problem, attempt.text)
    if review is None:
        raise RequestRefused("no_derivation", f"no rule labels the steps of problem {problem.id}")
    steps, labels = list(review.steps), list(review.labels)
    right = review.outcome is Outcome.CORRECT
    reply = await models.teacher(
        "critique", steps=steps, labels=labels, final_right=right, attempt=attempt.text, max_tokens=params.max_tokens
    )
    verdicts = read_verdicts(reply.text, len(steps))
    yield Sample(
        kind="stepwise",
        messages=models.messages("evaluate", steps=steps),
        response=reply.text,
        steps=steps,
        labels=labels,
        attrs={
            "student_attempt": attempt.text,
            "student_model": attempt.model,
            "final_label": right,
            "readable": bool(steps) and task.check(problem, attempt.text).answer is not None,
            "critic_verdicts": verdicts,
            "first_error_step": None if review.first_wrong is None else review.first_wrong + 1,
            "label_source": "rule",
            "mentions_labels": bool(_LEAK.search(reply.text)),
            "agrees": verdicts == labels,
            "complete": reply.complete,
        },
    )

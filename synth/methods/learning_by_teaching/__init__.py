"""Learning by teaching (LbT, arXiv:2406.14629): of several solutions the one that a student learns most from.

Each solution of the teacher is shown to the student as the one example before variants of the problem; what the student then
gets right is the solution's score. M1 takes the answer whose solutions have the highest sum of scores (SUM) or the best solution
(MAX); M2 makes a pair of the best and the worst solution for preference training. M3 (`choose: tuned`) writes one solution anew,
round by round: the teacher is shown what students who had read it got wrong, and the version that they learned most from is the
row. Only for tasks that make variants.

    -- what each version of a tuned example was worth
    select problem_id, attrs->>'version' as version, value from samples join scores using (sample_id)
    where method = 'learning_by_teaching' and scorer = 'exam' and attrs->>'version' is not null order by all
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from storage.ids import seed_from
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import method, whole
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.copying import copied_line
from synth.methods.selection import SamplingParams, Selection
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.base import score_of
from synth.scorers.exam import Sitting, exam, graded, sit

FAILURES = 3
"""Wrong answers that the teacher is shown at a time, at most; ours."""
ANSWER_WORDS = 120
"""Words of each of them, its last ones; ours."""
_STUDENTS = re.compile(r"\b(?:students?|learners?|wrong answers?)\b", re.IGNORECASE)
PLANS: Mapping[str, Selection] = {
    "sum": Selection(chooser="best_answer", by="exam", scorers=("vote",)),
    "max": Selection(chooser="best", by="exam", scorers=("vote",)),
    "pair": Selection(chooser="best_and_worst", by="exam", emit="pair", margin=0.3, scorers=("vote",)),
}
"""What M1 and M2 bind; the least distance of a pair is ours."""


class LearningByTeachingParams(SamplingParams):
    """Parameters of `learning_by_teaching`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7}
    """Of each solution (the paper)."""

    samples: int = Field(16, ge=2, le=128, description="Solutions of the teacher; ours, the paper has 256.")
    choose: Literal["sum", "max", "pair", "tuned"] = Field("sum", description="M1 by sum or by the best, M2, or M3.")
    rounds: int = Field(3, ge=1, le=16, description="Times that a tuned solution is written anew at most; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each solution; ours.")

    @property
    def selection(self) -> Selection:
        """What these parameters bind; `tuned` chooses by the exam as `max` does."""
        return PLANS["max" if self.choose == "tuned" else self.choose]


def _calls(params: LearningByTeachingParams) -> dict[str, int]:
    if params.choose != "tuned":
        return params.selection.calls(params)
    versions = 1 + params.rounds
    return {"teacher": versions, "student": exam.calls(versions)}


@method(
    "learning_by_teaching",
    paper="arXiv:2406.14629",
    makes=("sft", "preference"),
    roles=("teacher", "student"),
    tasks=("arithmetic", "knights_knaves"),
    params=LearningByTeachingParams,
    calls=_calls,
    rereads=lambda params: max(2, params.selection.rereads(params)),
    uses=lambda params: params.selection.uses(params),
    prepare=calibration(),
)
async def learning_by_teaching(
    problem: Problem, models: Models, params: LearningByTeachingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The teacher solves several times; what a student solves after each solution says which of them is learned."""
    if params.choose == "tuned":
        for sample in await _tuned(problem, models, params):
            yield sample
        return
    async for sample in select(problem, models, params, params.selection, calibration):
        yield sample


async def _tuned(problem: Problem, models: Models, params: LearningByTeachingParams) -> list[Sample]:
    """Method M3: a row of each version of one solution, of which the one with the best exam is learned, the earlier of equals."""
    options = params.sampling
    versions = [await models.teacher("solve", **options)]
    exams: list[list[Sitting]] = []
    while True:
        exams += await sit(problem, [versions[-1].text], models)
        failed = [sitting for sitting in exams[-1] if not sitting.right][:FAILURES]
        if not failed or len(versions) > params.rounds:
            break
        shown = [{"question": sitting.variant.prompt, "answer": _end_of(sitting.reply.text)} for sitting in failed]
        versions.append(
            await models.teacher("revise", solution=versions[-1].text, failures=shown, sample=len(versions), **options)
        )
    scores = [graded(own) for own in exams]
    values = [-1.0 if score.value is None else score.value for score in scores]
    best = values.index(max(values))
    if params.control:
        best = seed_from("version", problem.id, params.seed) % len(versions)
    fault = "no_variants" if scores[best].value is None else None
    if fault is None and _STUDENTS.search(versions[best].text) and not _STUDENTS.search(problem.prompt):
        fault = "speaks_of_students"
    if fault is None and best and copied_line(versions[best].text, models.source("revise")) is not None:
        fault = "copied_prompt"
    task = get_task(problem.task)
    return [
        Sample(
            messages=models.messages("solve"),
            response=whole(reply),
            answer=task.check(problem, reply.text).answer,
            attrs={"version": number, "versions": len(versions), "chooser": "random" if params.control else "best"},
            notes=SftNotes(refused=fault if number == best else "not_chosen", complete=reply.complete),
            scores=[score_of(exam, score)],
            parents=_behind(versions[: number + 1], exams[:number]),
        )
        for number, (reply, score) in enumerate(zip(versions, scores, strict=True))
    ]


def _behind(versions: Sequence[Reply], exams: Sequence[Sequence[Sitting]]) -> list[str]:
    """The calls behind the last of these versions: those before it and the exams that it was written after."""
    sat = [sitting.reply.call_id for own in exams for sitting in own]
    return [*dict.fromkeys([*sat, *(version.call_id for version in versions)])]


def _end_of(text: str) -> str:
    """The last words of an answer, where it goes wrong or has gone wrong before."""
    words = text.split(" ")
    return text if len(words) <= ANSWER_WORDS else "... " + " ".join(words[-ANSWER_WORDS:])

"""Composed skills (skill mix, arXiv:2409.19808): a problem takes k skills, and a solution counts when it shows every one.

The paper's texts show language skills, and a large model grades them. Here skills are kinds of calculation, the problem is
composed by a program (the source `skills`), and its trace grades: each skill by whether an equation of the solution comes to what
the program comes to there. The teacher tells the problem as a story first, with the same numbers, so that its wording is not the
program's. Of several solutions the first with full marks (right in the end, every skill shown) is learned, as in the paper.

    -- full marks by the number of skills
    select json_array_length(attrs->'skills') as k, avg(((notes->>'refused') is null)::int) from samples
    where method = 'skill_composition' group by all order by all
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import method, whole
from synth.methods.drawn import DrawnParams
from synth.methods.writing import question_fault, text_of
from synth.notes import Question, SftNotes
from synth.problems.base import Problem
from synth.problems.tasks.skills import SkillsTask
from synth.sample import Sample

TASK = SkillsTask()


class SkillCompositionParams(DrawnParams):
    """Parameters of `skill_composition`."""

    reword: bool = Field(True, description="Let the teacher tell the problem as a story first; ours.")
    samples: int = Field(4, ge=1, le=64, description="Solutions, of which the first with full marks is learned; ours.")


@method(
    "skill_composition",
    paper="arXiv:2409.19808",
    makes=("sft",),
    roles=("teacher",),
    tasks=("skills",),
    params=SkillCompositionParams,
    calls=lambda params: {"teacher": params.samples + params.reword},
    rereads=lambda params: 1,
)
async def skill_composition(problem: Problem, models: Models, params: SkillCompositionParams) -> AsyncIterator[Sample]:
    """The teacher tells a composed problem as a story and solves it; a solution that shows every skill is learned."""
    options: dict[str, Any] = params.sampling
    written: list[Reply] = []
    asked, fault = problem, None
    if params.reword:
        written = [await models.teacher("story", **options)]
        story = text_of(written[0])
        asked = replace(problem, prompt=story)
        fault = question_fault(story, written[0], models.source("story"), [problem.prompt], numeric=True)
        if fault is None and _numbers(story) != _numbers(problem.prompt):
            fault = "numbers_changed"
    replies: list[Reply] = []
    if fault is None:
        replies = await together(
            models.teacher("solve", problem=asked, sample=number, **options) for number in range(params.samples)
        )
    grades = [TASK.shown(problem, reply.text) for reply in replies]
    right = [TASK.check(problem, reply.text).outcome is Outcome.CORRECT for reply in replies]
    full = [number for number in range(len(replies)) if right[number] and all(grades[number])]
    chosen = replies[full[0]] if full else replies[0] if replies else None
    last = [chosen] if chosen else written
    yield Sample(
        messages=models.messages("solve", problem=asked),
        response=whole(last[-1]),
        answer=TASK.check(problem, chosen.text).answer if chosen else None,
        attrs={
            "skills": problem.attrs["skills"],
            "grades": grades[replies.index(chosen)] if chosen else None,
            "full_marks": len(full),
            "question": asked.prompt,
        },
        notes=SftNotes(
            question=Question(gold=problem.gold, source="rule", text=asked.prompt or None) if params.reword else None,
            refused=fault or (None if full else "no_full_mark"),
            complete=all(reply.complete for reply in last),
        ),
        parents=[reply.call_id for reply in dict.fromkeys((*written, *(r for r in replies if r is not chosen), *last))],
    )


def _numbers(text: str) -> Counter[str]:
    """The numbers of a text, those of fractions and ratios each for itself."""
    return Counter(re.findall(r"\d+", re.sub(r"(?<=\d),(?=\d{3})", "", text)))

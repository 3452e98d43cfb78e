"""The same answer to the same question in other words (consistency alignment, arXiv:2403.14221).

The teacher rewords the question; rewordings with other numbers are left out. First stage: the teacher's answer to the question is
learned for each of its rewordings. Second stage: the student answers each rewording several times and is rewarded for an answer
that can be read (one half) and that agrees with the majority of all its answers (one half); the highest against the lowest is a
pair, where they are half a point apart. The paper's reward is the model's own judgement of both; here both are counted.

    -- how consistent the student is before, and whether a later one is more so
    select night, avg((attrs->>'consistency')::double) as consistency, avg((attrs->>'largest')::double) as largest_group
    from samples where method = 'consistency_alignment' and kind = 'preference' group by night order by night
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from synth.answers.votes import groups
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import method, whole
from synth.methods.copying import copied_line
from synth.methods.drawn import DrawnParams
from synth.methods.metamath import numbers
from synth.notes import PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.problems.wording import canonical_question
from synth.sample import Sample

GAP = 0.5
"""How far apart the rewards of a pair are at least; ours."""


class ConsistencyAlignmentParams(DrawnParams):
    """Parameters of `consistency_alignment`. The paper's numbers are unpublished, so these are ours."""

    paraphrases: int = Field(4, ge=1, le=32, description="Rewordings that the teacher is asked for; ours.")
    samples: int = Field(4, ge=2, le=32, description="Answers of the student to each; ours.")


@method(
    "consistency_alignment",
    paper="arXiv:2403.14221",
    makes=("sft", "preference"),
    roles=("student", "teacher"),
    tasks=("arithmetic", "math_word"),
    params=ConsistencyAlignmentParams,
    calls=lambda params: {"teacher": 1 + params.paraphrases, "student": params.paraphrases * params.samples},
    rereads=lambda params: 1,
)
async def consistency_alignment(
    problem: Problem, models: Models, params: ConsistencyAlignmentParams
) -> AsyncIterator[Sample]:
    """A question's answer is learned for its rewordings, and of the student's answers to these the agreeing ones are preferred."""
    options: dict[str, Any] = params.sampling
    original, *reworded = await together(
        [
            models.teacher("solve", max_tokens=params.max_tokens),
            *(models.teacher("paraphrase", sample=number, **options) for number in range(params.paraphrases)),
        ]
    )
    questions: dict[str, tuple[Problem, Reply]] = {}
    for reply in reworded:
        text = reply.text[thoughts_end(reply.text) :].strip()
        fault = _fault(text, reply, problem, models, questions)
        asked = replace(problem, prompt=text or problem.prompt)
        if fault is None:
            questions[canonical_question(text)] = (asked, reply)
        yield _reworded(asked, models, original, reply, fault)
    if not questions:
        return
    replies = await together(
        models.student("solve", problem=asked, sample=number, **options)
        for asked, _ in questions.values()
        for number in range(params.samples)
    )
    task = get_task(problem.task)
    numbered = groups(task.check(problem, reply.text).answer for reply in replies)
    rewards, measured = rewards_of(numbered), consistency_of(numbered)
    for position, (asked, reply) in enumerate(questions.values()):
        own = range(position * params.samples, (position + 1) * params.samples)
        best, worst = max(own, key=lambda n: (rewards[n], -n)), min(own, key=lambda n: (rewards[n], n))
        if rewards[best] - rewards[worst] >= GAP:
            yield Sample(
                kind="preference",
                messages=models.messages("solve", problem=asked),
                response=whole(replies[best]),
                rejected=whole(replies[worst]),
                answer=task.check(problem, replies[best].text).answer,
                attrs={"paraphrase": asked.prompt, "rewards": [rewards[best], rewards[worst]], **measured},
                notes=PreferenceNotes(complete=replies[best].complete),
                parents=[reply.call_id, replies[worst].call_id, replies[best].call_id],
            )


def rewards_of(numbered: Sequence[int | None]) -> list[float]:
    """Return the reward of each answer: one half for one that can be read, one half for that of the majority."""
    counts = Counter(number for number in numbered if number is not None)
    most = max(counts.values(), default=0)
    return [0.0 if number is None else 0.5 + 0.5 * (counts[number] == most) for number in numbered]


def consistency_of(numbered: Sequence[int | None]) -> dict[str, float]:
    """Return the share of pairs of answers that agree, and the share of the largest group of agreeing answers."""
    counts = Counter(number for number in numbered if number is not None)
    total = len(numbered)
    pairs = sum(count * (count - 1) for count in counts.values())
    return {
        "consistency": round(pairs / (total * (total - 1)), 4) if total > 1 else 1.0,
        "largest": round(max(counts.values(), default=0) / total, 4) if total else 0.0,
    }


def _fault(
    text: str, reply: Reply, problem: Problem, models: Models, known: dict[str, tuple[Problem, Reply]]
) -> str | None:
    """Why a text is no rewording, in a stable word."""
    if not text or not reply.complete:
        return "no_question"
    if copied_line(reply.text, models.source("paraphrase")) is not None:
        return "copied_prompt"
    if numbers(text) != numbers(problem.prompt):
        return "numbers_changed"
    again = canonical_question(text)
    return "same_question" if again == canonical_question(problem.prompt) or again in known else None


def _reworded(asked: Problem, models: Models, original: Reply, reply: Reply, fault: str | None) -> Sample:
    return Sample(
        messages=models.messages("solve", problem=asked),
        response=whole(original),
        answer=get_task(asked.task).check(asked, original.text).answer,
        attrs={"paraphrase": asked.prompt},
        notes=SftNotes(refused=fault, complete=original.complete),
        parents=[reply.call_id, original.call_id],
    )

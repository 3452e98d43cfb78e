"""Amplification: a weak model solves a problem by solving its parts, and learns to do so at once.

"Supervising strong learners by amplifying weak experts" in our own words: only its abstract was read. The student asks itself
simpler questions, answers each one alone (it sees the answers before it), and puts them together; what it writes then is learned as
the answer to the bare problem. A night later the student that learned it is asked in its turn. `control: true` answers at once.

-- whether the parts help
select (params->>'control')::boolean as at_once, avg((v.outcome = 'pass')::int) from samples s join attempts using (attempt_id)
join verdicts v on v.sample_id = s.sample_id and v.filter = 'answer' where s.method = 'amplification' group by all
"""

import re
from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.sample import Sample

_ITEM = re.compile(
    r"^[\s>*_`#-]*(?:(?:question|part)\s*)?\(?\d{1,2}[.):][*_]*\s*(?P<text>\S.*)$", re.IGNORECASE | re.MULTILINE
)


class AmplificationParams(Params):
    """Parameters of `amplification`."""

    most_parts: int = Field(4, ge=2, le=16, description="Questions that a problem is taken apart into, at most; ours.")
    temperature: float | None = Field(None, ge=0, description="Of each answer; None lets the role or its model decide.")
    max_tokens: int = Field(512, ge=1, description="Upper bound on each answer; ours.")
    control: bool = Field(False, description="Answer at once: the arm that taking apart has to beat.")


def read_parts(text: str, most: int) -> list[str]:
    """Return the numbered questions of a reply, in order, each once."""
    read = (" ".join(match["text"].split()) for match in _ITEM.finditer(text[thoughts_end(text) :]))
    return list(dict.fromkeys(read))[:most]


@method(
    "amplification",
    paper="abstract: Supervising strong learners by amplifying weak experts",
    makes=("sft",),
    roles=("student",),
    params=AmplificationParams,
    calls=lambda params: {"student": 1 if params.control else 2 + params.most_parts},
    rereads=lambda params: params.most_parts + 1,
)
async def amplification(problem: Problem, models: Models, params: AmplificationParams) -> AsyncIterator[Sample]:
    """The student takes a problem apart, answers the parts one by one, and learns what it puts together of them."""
    heat, limit = params.temperature, params.max_tokens
    parts: list[tuple[str, str]] = []
    refused = None
    if params.control:
        reply = await models.student("solve", temperature=heat, max_tokens=limit)
    else:
        asked = await models.student("take_apart", most=params.most_parts, temperature=heat, max_tokens=limit)
        questions = read_parts(asked.text, params.most_parts)
        if len(questions) < 2:
            refused = "not_taken_apart"
        for question in questions:
            answer = await models.student(
                "answer_part", parts=tuple(parts), question=question, temperature=heat, max_tokens=limit
            )
            parts.append((question, answer.text.strip()))
        reply = asked
        if refused is None:
            reply = await models.student("put_together", parts=tuple(parts), temperature=heat, max_tokens=limit)
    yield Sample(
        messages=models.messages("solve"),
        response=whole(reply),
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"parts": [question for question, _ in parts]},
        notes=SftNotes(refused=refused, complete=reply.complete),
    )

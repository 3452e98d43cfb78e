"""Explanation tuning (Orca, arXiv:2306.02707): the teacher explains as a system message says, and so is the row worded.

One of sixteen system messages is drawn for each problem; they ask for explanations of different kinds. The paper's words are its
own, ours follow their kinds; two of its messages are for questions with options and are drawn for those alone. The paper's second
teacher, a stronger one, answers a random fifth of the problems (`second_teacher: ROLE`), by the same message. Its rows have the
tier 2 in `attrs`, for the stage that learns from them after the first (the easier teacher first, as a curriculum):

    train: {plan: [{sft: {name: first, where: "attrs->>'teacher_tier' = '1'"}}, {sft: {where: "attrs->>'teacher_tier' = '2'"}}]}
"""

from collections.abc import AsyncIterator

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

MESSAGES = (
    "",
    "Give a detailed answer, so that nobody has to look anything up to understand it.",
    "Give a long and thorough answer.",
    "You are given a task. Do it as faithfully as you can, think step by step while you do it, and justify your steps.",
    "You are given a task. Explain how you do it, and then do it.",
    "Explain as you would to a child of five.",
    "You help people who learn: say what is asked, how one could go about it, and why your way works.",
    "You are a teacher. Say which rules the question is about, and use them one by one.",
    "First say what is given and what is sought. Then answer in steps, and justify each of them.",
    "Answer, and show where each number in your answer comes from.",
    "You are careful: check your answer by a second way before you give it.",
    "Think like somebody who answers several questions a day: briefly, but with every step that matters.",
    "Describe the task in your own words, and then solve it.",
    "Solve the task, and say afterwards what somebody who tries it for the first time would get wrong.",
)
"""For every question. The empty one asks for nothing."""
FOR_OPTIONS = (
    "Say which option is right, and then why each of the others is not.",
    "Look at each option in turn, say what speaks for and against it, and choose.",
)


class OrcaParams(Params):
    """Parameters of `orca`."""

    messages: tuple[str, ...] = Field(
        MESSAGES, min_length=1, description="System messages; ours, after the paper's kinds."
    )
    second_teacher: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="Role that answers some of the problems too; None: one teacher; ours.",
    )
    share: float = Field(0.2, gt=0, le=1, description="Share of the problems that it answers (the paper: 1M of 5M).")
    temperature: float | None = Field(None, ge=0, description="Of the teacher; None lets the role or its model decide.")
    max_tokens: int = Field(2048, ge=1, description="Upper bound on each answer; ours.")
    seed: int = Field(0, ge=0, description="Of the draw; another seed draws others.")


def _calls(params: OrcaParams) -> dict[str, int]:
    return {"teacher": 1} | ({params.second_teacher: 1} if params.second_teacher else {})


@method("orca", paper="arXiv:2306.02707", makes=("sft",), roles=("teacher",), params=OrcaParams, calls=_calls)
async def orca(problem: Problem, models: Models, params: OrcaParams) -> AsyncIterator[Sample]:
    """The teacher explains its answer as one of sixteen system messages asks it to; the row has that message too."""
    choices = (*params.messages, *(FOR_OPTIONS if problem.attrs.get("options") else ()))
    number = seed_from("system", problem.id, params.seed) % len(choices)
    prompt = "with_system" if choices[number] else "solve"
    inputs = {"system": choices[number]} if choices[number] else {}
    roles = ["teacher"]
    if params.second_teacher and seed_from("second", problem.id, params.seed) % 10_000 < params.share * 10_000:
        roles.append(params.second_teacher)
    for tier, role in enumerate(roles, start=1):
        reply = await getattr(models, role)(
            prompt, temperature=params.temperature, max_tokens=params.max_tokens, **inputs
        )
        yield Sample(
            messages=models.messages(prompt, **inputs),
            response=whole(reply),
            answer=get_task(problem.task).check(problem, reply.text).answer,
            attrs={"system_id": number, "system": choices[number], "teacher_tier": tier},
            parents=[reply.call_id],
        )

"""Perspective first (SimToM, "Think Twice", arXiv:2311.10227): what somebody knows, and the answer from there.

Built from the idea that its abstract tells, in our own words. For stories that ask what somebody thinks, knows or will do. The
teacher first retells the story with only those events that the person of the question knows about; the question is then asked
about the retold story, as if one were that person. The row has the story as it was, and the retelling and the answer behind it. A
retelling with words that the story does not have is refused.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import Params, method
from synth.methods.e2g import split
from synth.methods.writing import text_of
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

NEW_WORDS = 0.2
"""Share of a retelling's words that may not stand in the story; ours."""


class ThinkTwiceParams(Params):
    """Parameters of `think_twice`."""

    temperature: float | None = Field(
        None, ge=0, description="Of both replies; None lets the role or its model decide."
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")


@method(
    "think_twice",
    paper="arXiv:2311.10227",
    makes=("sft",),
    roles=("teacher",),
    tasks=("math_word",),
    params=ThinkTwiceParams,
    calls=lambda params: {"teacher": 2},
    rereads=lambda params: 1,
)
async def think_twice(problem: Problem, models: Models, params: ThinkTwiceParams) -> AsyncIterator[Sample]:
    """The teacher retells a story as far as the person of the question knows it, and answers from there."""
    story, question = split(problem.prompt)
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    perspective = await models.teacher("perspective", story=story, question=question, **options)
    retold = text_of(perspective)
    reply = await models.teacher("answer", problem=replace(problem, prompt=question), story=retold, **options)
    fault = None
    if not story:
        fault = "no_story"
    elif not retold:
        fault = "no_perspective"
    elif new_words(retold, problem.prompt) > NEW_WORDS:
        fault = "perspective_adds"
    yield Sample(
        messages=models.messages("solve"),
        response=f"What is known there:\n{retold}\n\n{text_of(reply)}",
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"perspective": retold, "kept": round(len(retold.split()) / max(1, len(story.split())), 4)},
        notes=SftNotes(refused=fault, complete=perspective.complete and reply.complete),
        parents=[perspective.call_id, reply.call_id],
    )


def new_words(retold: str, story: str) -> float:
    """Return the share of a retelling's words that the story does not have."""
    words, there = _words(retold), set(_words(story))
    return sum(word not in there for word in words) / len(words) if words else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())

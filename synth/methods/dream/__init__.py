"""The scene first (DREAM-FLUTE, arXiv:2210.16407): what is likely to be so around a situation, and the answer with that in mind.

Built from the idea that its abstract tells, in our own words. The teacher elaborates the scene in the model's four directions:
what follows, what those in it feel, what they want, and which rule of thumb holds. The problem is then asked with the scene
before it. The row has the problem as it was; the scene and the answer are learned. The paper trains models of its own for both
steps and asks about figures of speech; here any problem may be asked, and a control (`scene: false`) answers without a scene.

With `ensemble: true` the problem is answered once without a scene, once with each direction alone and once with all of them, and
the answer of most of these is learned with the scene that it came from; the abstract says that the paper's ensemble does better
than one system, and not how it is put together, so the vote is ours.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from synth.answers.judge import equal_answers, majority
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Params, method, whole
from synth.methods.writing import text_of
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class DreamParams(Params):
    """Parameters of `dream`."""

    scene: bool = Field(True, description="Elaborate the scene first; without it, the control.")
    ensemble: bool = Field(
        False, description="Let answers without a scene, with each direction and with all of them vote; ours."
    )
    temperature: float | None = Field(
        None, ge=0, description="Of both replies; None lets the role or its model decide."
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")


class Scene(BaseModel):
    """What the teacher says of a scene, in the four directions of the model DREAM."""

    model_config = ConfigDict(extra="forbid")

    consequence: str = Field(min_length=1, description="what is likely to follow, in one sentence")
    emotion: str = Field(min_length=1, description="what those in it are likely to feel")
    motivation: str = Field(min_length=1, description="what they are likely to want")
    rule: str = Field(min_length=1, description="a rule of thumb that holds in such a situation")

    def text(self, *directions: str) -> str:
        """Return these directions of it as lines; all of them where none is named."""
        parts = self.model_dump()
        return "\n".join(f"- {parts[name].strip()}" for name in directions or parts)


@dataclass(frozen=True, slots=True)
class View:
    """An answer with the part of a scene that it was given with.

    Attributes:
        name: `all`, `none` or a direction.
        scene: The lines that were shown; empty for `none`.
        reply: The reply.
        answer: Its final answer; None where none can be read.
    """

    name: str
    scene: str
    reply: Reply
    answer: str | None


def _calls(params: DreamParams) -> dict[str, int]:
    return {"teacher": 1 + params.scene + (5 if params.scene and params.ensemble else 0)}


@method(
    "dream",
    paper="arXiv:2210.16407",
    makes=("sft",),
    roles=("teacher",),
    params=DreamParams,
    calls=_calls,
    rereads=lambda params: 1,
)
async def dream(problem: Problem, models: Models, params: DreamParams) -> AsyncIterator[Sample]:
    """The teacher elaborates the scene of a problem in four directions and answers with it in mind; both are learned."""
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    if not params.scene:
        views = await _views(problem, models, options, {"none": ""})
        written = None
    else:
        written = await models.teacher("scene", schema=Scene, **options)
        scene: Scene = written.value
        shown = {"all": scene.text()}
        if params.ensemble:
            shown |= {name: scene.text(name) for name in Scene.model_fields} | {"none": ""}
        views = await _views(problem, models, options, shown)
    vote, votes = majority([view.answer for view in views])
    chosen = next((view for view in views if vote is not None and _same(view.answer, vote)), views[0])
    others = [view.reply.call_id for view in views if view is not chosen]
    scenes = [] if written is None else [written.call_id]
    yield Sample(
        messages=models.messages("solve"),
        response=f"The scene:\n{chosen.scene}\n\n{text_of(chosen.reply)}" if chosen.scene else whole(chosen.reply),
        answer=chosen.answer,
        attrs={
            "scene": written.value.model_dump() if written else None,
            "view": chosen.name,
            "votes": votes / len(views) if vote is not None else None,
        },
        notes=SftNotes(refused="scene_adds_numbers" if adds_numbers(chosen.scene, problem.prompt) else None),
        parents=[*dict.fromkeys([*scenes, *others, chosen.reply.call_id])],
    )


async def _views(problem: Problem, models: Models, options: dict[str, Any], shown: Mapping[str, str]) -> list[View]:
    """Answer once with each of these parts of a scene."""
    replies = await together(
        models.teacher("answer", scene=scene, **options) if scene else models.teacher("solve", **options)
        for scene in shown.values()
    )
    task = get_task(problem.task)
    return [
        View(name, scene, reply, task.check(problem, reply.text).answer)
        for (name, scene), reply in zip(shown.items(), replies, strict=True)
    ]


def adds_numbers(scene: str, prompt: str) -> bool:
    """Whether a scene says a number that its problem does not: it has begun to answer, and a row would hold both for given."""
    return not set(_NUMBER.findall(scene)) <= set(_NUMBER.findall(prompt))


def _same(answer: str | None, vote: str) -> bool:
    return answer is not None and (answer == vote or equal_answers(vote, answer))

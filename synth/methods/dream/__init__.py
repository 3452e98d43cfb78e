"""The scene first (DREAM-FLUTE, arXiv:2210.16407): what is likely to be so around a situation, and the answer with that in mind.

Built from the idea that its abstract tells, in our own words. The teacher elaborates the scene in the model's four directions:
what follows, what those in it feel, what they want, and which rule of thumb holds. The problem is then asked with the scene
before it. The row has the problem as it was; the scene and the answer are learned. The paper trains models of its own for both
steps and asks about figures of speech; here any problem may be asked, and a control (`scene: false`) answers without a scene.

Not here: the ensemble of models that each see one direction.
"""

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.methods.writing import text_of
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class DreamParams(Params):
    """Parameters of `dream`."""

    scene: bool = Field(True, description="Elaborate the scene first; without it, the control.")
    temperature: float = Field(0.0, ge=0, description="Of both replies; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")


class Scene(BaseModel):
    """What the teacher says of a scene, in the four directions of the model DREAM."""

    model_config = ConfigDict(extra="forbid")

    consequence: str = Field(min_length=1, description="what is likely to follow, in one sentence")
    emotion: str = Field(min_length=1, description="what those in it are likely to feel")
    motivation: str = Field(min_length=1, description="what they are likely to want")
    rule: str = Field(min_length=1, description="a rule of thumb that holds in such a situation")

    def text(self) -> str:
        """Return it as lines."""
        return "\n".join(f"- {value.strip()}" for value in (self.consequence, self.emotion, self.motivation, self.rule))


@method(
    "dream",
    paper="arXiv:2210.16407",
    makes=("sft",),
    roles=("teacher",),
    params=DreamParams,
    calls=lambda params: {"teacher": 1 + params.scene},
    rereads=lambda params: 1,
)
async def dream(problem: Problem, models: Models, params: DreamParams) -> AsyncIterator[Sample]:
    """The teacher elaborates the scene of a problem in four directions and answers with it in mind; both are learned."""
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    written: list[Reply] = []
    scene = ""
    if params.scene:
        written = [await models.teacher("scene", schema=Scene, **options)]
        scene = written[0].value.text()
        reply = await models.teacher("answer", scene=scene, **options)
    else:
        reply = await models.teacher("solve", **options)
    yield Sample(
        messages=models.messages("solve"),
        response=f"The scene:\n{scene}\n\n{text_of(reply)}" if scene else whole(reply),
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"scene": written[0].value.model_dump() if written else None},
        parents=[*(part.call_id for part in written), reply.call_id],
    )

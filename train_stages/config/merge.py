"""Settings of merging checkpoints."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from train_stages.config.base import StageConfig


class TaskVector(BaseModel):
    """What a training changed, and how much of it is added (arXiv:2212.04089)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        min_length=1,
        description="The checkpoint that learned the task, as `from` takes it: the name of an earlier stage, `student`, "
        "`incumbent`, an id, or a folder.",
    )
    base: str | None = Field(
        default=None,
        description="What it learned from, written in the same way; None takes what the stage starts from.",
    )
    weight: float = Field(
        default=1.0,
        allow_inf_nan=False,
        description="Its share; -1 takes the task away. The paper tries 0 to 1 by steps of .05 on held-out items, section 2.",
    )

    @field_validator("weight")
    @classmethod
    def _some(cls, weight: float) -> float:
        if weight == 0:
            raise ValueError("a weight of 0 adds nothing: leave the vector out")
        return weight


class MergeConfig(StageConfig):
    """Merging: an adapter into its base, and task vectors added or taken away. Nothing is trained."""

    instead: ClassVar[Mapping[str, str]] = {
        "weights": "write vectors: [{model: NAME, weight: 1}]",
        "models": "write vectors: [{model: NAME, weight: 1}]",
        "epochs": "merging trains nothing",
        "learning_rate": "merging trains nothing",
        "adapter": "the checkpoint that it starts from is merged if it is an adapter",
    }

    vectors: tuple[TaskVector, ...] = Field(
        default=(),
        description="Task vectors to add to what the stage starts from. None at all merges an adapter into its base.",
    )

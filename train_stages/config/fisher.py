"""Settings of measuring which weights matter."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from train_stages.config.base import StageConfig
from train_stages.config.supervised import ASSISTANT
from train_stages.masks import MASKS
from train_stages.masks.base import Mask


class FisherConfig(StageConfig):
    """Measuring the diagonal of the Fisher information on the rows of the stage. Nothing is trained."""

    instead: ClassVar[Mapping[str, str]] = {
        "epochs": "nothing is trained: set examples, how many rows are looked at",
        "learning_rate": "nothing is trained",
        "adapter": "it is measured on whole weights",
    }

    examples: int = Field(default=200, ge=1, description="Rows that are looked at, drawn by the seed; ours.")
    labels: Literal["model", "data"] = Field(
        default="model",
        description="Whose tokens the gradients are of: `model` draws each from the model itself, which is the Fisher information; "
        "`data` takes the rows' own, the empirical one.",
    )
    max_length: int = Field(default=2048, gt=0, description="Longest row, in tokens.")
    mask: Annotated[SerializeAsAny[Mask], MASKS.field(Mask, ASSISTANT)] = Field(
        default_factory=MASKS.default(Mask, ASSISTANT), description="Which parts of a row count."
    )
    chat_template: dict[str, Any] = Field(
        default_factory=dict, description="What the chat template is told besides the chat, as in `models.<role>`."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto` takes the GPU when there is one."
    )
    threads: int = Field(default=1, ge=1, description="Threads on a CPU.")

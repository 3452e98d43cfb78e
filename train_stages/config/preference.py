"""Settings of preference training."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from train_stages.config.base import RowsConfig
from train_stages.losses import LOSSES
from train_stages.losses.base import PreferenceLoss
from train_stages.schedules import SCHEDULES
from train_stages.schedules.base import Schedule

SIGMOID_NORM = {"kind": "sigmoid_norm"}
LINEAR = {"kind": "warmup_stable_decay", "warmup": 0.1, "decay": 0.9}


class PreferenceConfig(RowsConfig):
    """Preference training. The defaults are Tulu 3's (arXiv:2411.15124, 8B): length-normalised DPO, linear decay."""

    instead: ClassVar[Mapping[str, str]] = {
        "budget_tokens": "pairs are learned from in passes; set epochs",
        "packing": "pairs are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "pairs come in a random order; sft and cpt have an order",
        "label_smoothing": "write loss: {kind: robust, label_smoothing: ...}",
        "steps": "set epochs",
    }

    loss: Annotated[SerializeAsAny[PreferenceLoss], LOSSES.field(PreferenceLoss, SIGMOID_NORM)] = Field(
        default_factory=LOSSES.default(PreferenceLoss, SIGMOID_NORM), description="What the stage minimises."
    )
    schedule: Annotated[SerializeAsAny[Schedule], SCHEDULES.field(Schedule, LINEAR)] = Field(
        default_factory=SCHEDULES.default(Schedule, LINEAR),
        description="How the learning rate changes over the steps.",
    )
    learning_rate: float = Field(default=5e-7, gt=0, description="Peak learning rate.")
    rejected: Literal["any", "wrong"] = Field(
        default="any",
        description="`wrong` takes only pairs whose worse side the task's checker calls wrong; `any` those too whose sides are "
        "both right, as where the shorter is the better one. A right answer is never the worse side of one that is not right.",
    )
    batch_tokens: int = Field(
        default=131_072, gt=0, description="Tokens in an optimiser step, both answers of a pair counted."
    )

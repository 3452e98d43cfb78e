"""Settings of training a verifier."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, SerializeAsAny, model_validator

from train_stages.config.base import RowsConfig
from train_stages.config.preference import LINEAR
from train_stages.losses import LOSSES
from train_stages.losses.base import VerifierLoss
from train_stages.schedules import SCHEDULES
from train_stages.schedules.base import Schedule

OUTCOME = {"kind": "outcome_bce"}


class VerifierConfig(RowsConfig):
    """Training a verifier: the checkpoint that it starts from with one scalar head instead of its output head."""

    instead: ClassVar[Mapping[str, str]] = {
        "budget_tokens": "answers are learned from in passes; set epochs",
        "packing": "answers are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "answers come in a random order; sft and cpt have an order",
        "mask": "a verifier has one score for each answer, step or pair; choose a loss",
        "steps": "set epochs",
    }

    loss: Annotated[SerializeAsAny[VerifierLoss], LOSSES.field(VerifierLoss, OUTCOME)] = Field(
        default_factory=LOSSES.default(VerifierLoss, OUTCOME),
        description="What the stage minimises, and so what has a score: answers, their steps, or pairs.",
    )
    schedule: Annotated[SerializeAsAny[Schedule], SCHEDULES.field(Schedule, LINEAR)] = Field(
        default_factory=SCHEDULES.default(Schedule, LINEAR),
        description="How the learning rate changes over the steps.",
    )
    heldout: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Share of the problems whose answers are not learned from, but measure the verifier.",
    )
    least_auroc: float = Field(
        default=0.6,
        ge=0.5,
        lt=1,
        description="What the lower end of the AUROC's interval on them must exceed before a role may name the verifier as "
        "`verifier`; ours.",
    )

    @model_validator(mode="after")
    def _whole(self) -> "VerifierConfig":
        if self.accelerate is not None:
            raise ValueError("a verifier is trained in one process: leave accelerate out")
        if self.adapter is not None and self.adapter.quantise is not None:
            raise ValueError(
                "an adapter of a verifier is merged at the end, which quantised weights cannot: leave quantise out"
            )
        return self

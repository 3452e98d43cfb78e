"""Settings of training a verifier."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, SerializeAsAny

from train_stages.config.preference import LINEAR
from train_stages.config.verifying import VerifyingConfig
from train_stages.losses import LOSSES
from train_stages.losses.base import VerifierLoss
from train_stages.schedules import SCHEDULES
from train_stages.schedules.base import Schedule

OUTCOME = {"kind": "outcome_bce"}


class VerifierConfig(VerifyingConfig):
    """Training a verifier: the checkpoint that it starts from with one scalar head instead of its output head."""

    instead: ClassVar[Mapping[str, str]] = {
        **VerifyingConfig.instead,
        "mask": "a verifier has one score for each answer, step or pair; choose a loss",
    }

    loss: Annotated[SerializeAsAny[VerifierLoss], LOSSES.field(VerifierLoss, OUTCOME)] = Field(
        default_factory=LOSSES.default(VerifierLoss, OUTCOME),
        description="What the stage minimises, and so what has a score: answers, their steps, or pairs.",
    )
    schedule: Annotated[SerializeAsAny[Schedule], SCHEDULES.field(Schedule, LINEAR)] = Field(
        default_factory=SCHEDULES.default(Schedule, LINEAR),
        description="How the learning rate changes over the steps.",
    )

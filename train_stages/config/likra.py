"""Settings of training a verifier of two models, one of right and one of wrong answers."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from train_stages.config.base import RowsConfig
from train_stages.config.supervised import SftConfig
from train_stages.config.verifying import VerifyingConfig


class LikraConfig(VerifyingConfig):
    """A verifier of two models (Likra, arXiv:2503.14391): fine-tuning on right answers, and again on wrong ones."""

    instead: ClassVar[Mapping[str, str]] = {
        **VerifyingConfig.instead,
        "mask": "every token of an answer carries loss",
        "loss": "both models learn by cross-entropy; sft has other losses, and the stage verifier those of a scalar head",
    }

    right: Literal["learned", "parent"] = Field(
        default="learned",
        description="Who stands for right answers: a model that has learned them, or, with `parent`, the checkpoint that the stage "
        "starts from, so that wrong answers alone are learned.",
    )

    @property
    def tuning(self) -> SftConfig:
        """How each model is trained: these settings as those of a stage `sft`."""
        shared: dict[str, Any] = {name: getattr(self, name) for name in RowsConfig.model_fields}
        return SftConfig.model_validate(shared)

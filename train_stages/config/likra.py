"""Settings of training a verifier of two models, one of right and one of wrong answers."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from train_stages.config.base import RowsConfig
from train_stages.config.supervised import SftConfig


class LikraConfig(RowsConfig):
    """A verifier of two models (Likra, arXiv:2503.14391): fine-tuning on right answers, and again on wrong ones."""

    instead: ClassVar[Mapping[str, str]] = {
        "budget_tokens": "answers are learned from in passes; set epochs",
        "packing": "answers are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "answers come in a random order; sft and cpt have an order",
        "mask": "every token of an answer carries loss",
        "loss": "both models learn by cross-entropy; sft has other losses, and the stage verifier those of a scalar head",
        "steps": "set epochs",
    }

    right: Literal["learned", "parent"] = Field(
        default="learned",
        description="Who stands for right answers: a model that has learned them, or, with `parent`, the checkpoint that the stage "
        "starts from, so that wrong answers alone are learned.",
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
        description="What the lower end of the AUROC's interval on them must exceed before a role may name it as `verifier`; ours.",
    )

    @property
    def tuning(self) -> SftConfig:
        """How each model is trained: these settings as those of a stage `sft`."""
        shared: dict[str, Any] = {name: getattr(self, name) for name in RowsConfig.model_fields}
        return SftConfig.model_validate(shared)

    @model_validator(mode="after")
    def _whole(self) -> "LikraConfig":
        if self.accelerate is not None:
            raise ValueError("a verifier is trained in one process: leave accelerate out")
        if self.adapter is not None and self.adapter.quantise is not None:
            raise ValueError(
                "an adapter of a verifier is merged at the end, which quantised weights cannot: leave quantise out"
            )
        return self

"""What the stages share that train something which tells right answers from wrong ones."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from train_stages.config.base import RowsConfig


class VerifyingConfig(RowsConfig):
    """Settings of a stage whose checkpoint a role may name as `verifier`."""

    instead: ClassVar[Mapping[str, str]] = {
        "budget_tokens": "answers are learned from in passes; set epochs",
        "packing": "answers are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "answers come in a random order; sft and cpt have an order",
        "steps": "set epochs",
    }

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
    def _whole(self) -> Self:
        if self.accelerate is not None:
            raise ValueError("a verifier is trained in one process: leave accelerate out")
        if self.adapter is not None and self.adapter.quantise is not None:
            raise ValueError(
                "an adapter of a verifier is merged at the end, which quantised weights cannot: leave quantise out"
            )
        return self

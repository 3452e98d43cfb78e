"""GRPO done right: without the biases towards long wrong responses and towards easy or hard problems."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example
from train_stages.losses.grpo import Grpo
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class DrGrpo(Grpo):
    """GRPO summed over tokens and divided by a constant, with advantages that are not scaled."""

    name: ClassVar[str] = "dr_grpo"
    paper: ClassVar[str] = "arXiv:2503.20783"
    trl: ClassVar[str | None] = "dr_grpo"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(RESPONSES, -0.0365121),  # (-1.2 - .740818 + 1.648721) / (2 * 4)
    )

    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="none", description="Divide advantages by a standard deviation; the paper does not (section 3.1)."
    )

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Sum, divided by the number of responses times the longest length that is allowed."""
        return losses.sum() / (len(losses) * sampled.longest)

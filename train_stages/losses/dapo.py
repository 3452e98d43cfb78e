"""Decoupled clip and dynamic sampling policy optimisation."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example, Neutral
from train_stages.losses.grpo import Grpo
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class Dapo(Grpo):
    """GRPO averaged over the tokens of a step, with a higher upper clip, and without responses that were cut off.

    Dynamic sampling belongs to it: `resampling` is `dynamic` unless the recipe says otherwise.
    """

    name: ClassVar[str] = "dapo"
    paper: ClassVar[str] = "arXiv:2503.14476"
    trl: ClassVar[str | None] = "dapo"
    over_step: ClassVar[bool] = True
    resampling: ClassVar[Literal["none", "history", "dynamic"]] = "dynamic"
    neutral: ClassVar[Neutral | None] = Neutral({"epsilon_high": None}, base="bnpo")  # where a step is one micro-batch
    examples: ClassVar[tuple[Example, ...]] = (
        Example(RESPONSES, -0.1240323),  # (-1.28 - .740818 + 1.648721) / 3
    )

    epsilon_high: float | None = Field(
        default=0.28, gt=0, description="The ratio is clipped at 1 + epsilon_high (clip-higher, section 3.1)."
    )
    mask_truncated: bool = Field(
        default=True, description="Leave responses that were cut off out of the loss (overlong filtering, section 3.4)."
    )

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Average over the tokens of the optimiser step (section 3.3)."""
        return losses.sum() / sampled.step_tokens

"""GRPO averaged over the tokens of a micro-batch; the name is TRL's (not the normalisation of arXiv:2506.02864)."""

from typing import TYPE_CHECKING, ClassVar

from train_stages.losses.base import Example
from train_stages.losses.grpo import Grpo
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class Bnpo(Grpo):
    """GRPO averaged over all tokens of a micro-batch, so that it depends on how a step is cut into them."""

    name: ClassVar[str] = "bnpo"
    trl: ClassVar[str | None] = "bnpo"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(RESPONSES, -0.0973657),  # (-1.2 - .740818 + 1.648721) / 3
    )

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Average over the tokens of the micro-batch."""
        return losses.sum() / sampled.mask.sum().clamp(min=1)

"""Anchored preference optimisation, for better answers than the model's own."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class ApoZero(PreferenceLoss):
    """Anchored preference optimisation: the better answer rises and the worse one falls, each by itself."""

    name: ClassVar[str] = "apo_zero"
    paper: ClassVar[str] = "arXiv:2408.06266"
    trl: ClassVar[str | None] = "apo_zero"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [0.9500416]),  # 1 - s(.1) + s(-.1)
    )

    beta: float = Field(default=0.1, gt=0, description="Strength of the tie to the reference; TRL's default.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `1 - sigmoid(beta d(chosen)) + sigmoid(beta d(rejected))`, `[B]`."""
        return 1 - (self.beta * pairs.chosen.gain).sigmoid() + (self.beta * pairs.rejected.gain).sigmoid()

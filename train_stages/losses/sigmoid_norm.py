"""DPO normalised by length, as Tulu 3 uses it."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class SigmoidNorm(PreferenceLoss):
    """DPO with log-ratios per token, so that long answers have no advantage."""

    name: ClassVar[str] = "sigmoid_norm"
    paper: ClassVar[str] = "arXiv:2411.15124"
    trl: ClassVar[str | None] = "sigmoid_norm"
    examples: ClassVar[tuple[Example, ...]] = (Example(PAIR, [0.0232455]),)  # log(1 + e^(-5 * .75))

    beta: float = Field(default=5.0, gt=0, description="Strength of the tie to the reference; Tulu 3's, 8B.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log sigmoid(beta (d(chosen)/|chosen| - d(rejected)/|rejected|))`, `[B]`."""
        return -log_sigmoid(self.beta * (pairs.chosen.mean_gain - pairs.rejected.mean_gain))

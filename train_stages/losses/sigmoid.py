"""Direct preference optimisation."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Sigmoid(PreferenceLoss):
    """DPO: how much more the model prefers the better answer than the reference does, as a classifier."""

    name: ClassVar[str] = "sigmoid"
    paper: ClassVar[str] = "arXiv:2305.18290"
    trl: ClassVar[str | None] = "sigmoid"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [0.5981389]),  # log(1 + e^-.2)
    )

    beta: float = Field(default=0.1, gt=0, description="Strength of the tie to the reference; the paper's, section 6.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log sigmoid(beta (d(chosen) - d(rejected)))`, `[B]`; `d` is the log-ratio to the reference."""
        return -log_sigmoid(self.beta * (pairs.chosen.gain - pairs.rejected.gain))

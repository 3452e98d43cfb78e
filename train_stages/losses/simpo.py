"""Simple preference optimisation: without a reference, on what is most likely a token."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Simpo(PreferenceLoss):
    """The mean log-probability of a token in the better answer is to be ahead of that in the worse one, by a margin."""

    name: ClassVar[str] = "simpo"
    paper: ClassVar[str] = "arXiv:2405.14734"
    needs_reference: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [0.0297502], {"beta": 2.0, "gamma": 1.5}),  # log(1 + e^-(2 * (-.5 + 3) - 1.5))
    )

    beta: float = Field(default=2.0, gt=0, description="Scale of the difference; the paper's (section 3).")
    gamma: float = Field(default=1.0, ge=0, description="The margin; the paper tries .5 to 1.5 (section 3).")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return equation 6, `[B]`: `-log sigmoid(beta (log p(chosen) / |chosen| - log p(rejected) / |rejected|) - gamma)`."""
        ahead = pairs.chosen.logps / pairs.chosen.tokens - pairs.rejected.logps / pairs.rejected.tokens
        return -log_sigmoid(self.beta * ahead - self.gamma)

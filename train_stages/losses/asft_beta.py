"""ASFT after fine-tuning: each answer for itself, by its odds."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs
from train_stages.losses.orpo import log_odds

if TYPE_CHECKING:
    from torch import Tensor


class AsftBeta(PreferenceLoss):
    """A classifier of answers by their odds, good and bad ones apart (pointwise); it wants an SFT before it."""

    name: ClassVar[str] = "asft_beta"
    paper: ClassVar[str] = "arXiv:2502.01237"
    needs_reference: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = (
        # log(1 + e^-.4327521) + log(1 + e^-2.9489308) = .5000000 + .0510692
        Example(PAIR, [0.5510692], {"beta": 1.0}),
    )

    beta: float = Field(default=1.0, gt=0, description="Temperature of the odds; the paper tries several. Ours.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log sigmoid(beta log odds(chosen)) - log sigmoid(-beta log odds(rejected))`, `[B]`; odds as in `orpo`."""
        return -log_sigmoid(self.beta * log_odds(pairs.chosen)) - log_sigmoid(-self.beta * log_odds(pairs.rejected))

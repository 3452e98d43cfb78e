"""ORPO after fine-tuning: the odds ratio alone, with a temperature."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs
from train_stages.losses.orpo import log_odds

if TYPE_CHECKING:
    from torch import Tensor


class OrpoBeta(PreferenceLoss):
    """The odds of the better answer against those of the worse one; no cross-entropy, so it wants an SFT before it."""

    name: ClassVar[str] = "orpo_beta"
    paper: ClassVar[str] = "arXiv:2502.01237"
    needs_reference: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = (
        # log odds of e^-.5 are .4327521, of e^-3 -2.9489308: log(1 + e^-3.3816829)
        Example(PAIR, [0.0334253], {"beta": 1.0}),
    )

    beta: float = Field(default=1.0, gt=0, description="Temperature of the odds ratio; the paper tries several. Ours.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log sigmoid(beta (log odds(chosen) - log odds(rejected)))`, `[B]`; odds as in `orpo`."""
        return -log_sigmoid(self.beta * (log_odds(pairs.chosen) - log_odds(pairs.rejected)))

"""Noise contrastive alignment on pairs."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class NcaPair(PreferenceLoss):
    """Noise contrastive alignment: also keeps the probability of the better answer from falling."""

    name: ClassVar[str] = "nca_pair"
    paper: ClassVar[str] = "arXiv:2402.05369"
    trl: ClassVar[str | None] = "nca_pair"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [1.3387941]),  # with r = .1 d: -log s(.1) - log s(-.1) / 2 - log s(.1) / 2
    )

    beta: float = Field(default=0.1, gt=0, description="Strength of the tie to the reference; TRL's default.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log s(r_c) - log s(-r_c)/2 - log s(-r_r)/2`, `[B]`, with `r = beta d` and `s` the sigmoid."""
        chosen, rejected = self.beta * pairs.chosen.gain, self.beta * pairs.rejected.gain
        return -log_sigmoid(chosen) - 0.5 * log_sigmoid(-chosen) - 0.5 * log_sigmoid(-rejected)

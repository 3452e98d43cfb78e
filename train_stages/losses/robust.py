"""DPO for labels of which a known share is wrong."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, Neutral, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs
from train_stages.losses.sigmoid import Sigmoid

if TYPE_CHECKING:
    from torch import Tensor


class Robust(Sigmoid):
    """DPO whose expectation over pairs that are the wrong way round, with a known rate, is DPO on the true ones."""

    name: ClassVar[str] = "robust"
    paper: ClassVar[str] = "arXiv:2403.00409"
    trl: ClassVar[str | None] = "robust"
    neutral: ClassVar[Neutral | None] = Neutral({"label_smoothing": 0.0}, base="sigmoid")
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [0.5731389], {"label_smoothing": 0.1}),  # (.9 log(1 + e^-.2) - .1 log(1 + e^.2)) / .8
    )

    label_smoothing: float = Field(
        default=0.1, ge=0, lt=0.5, description="Share of pairs that are the wrong way round; one of the paper's."
    )

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `((1 - e) l(h) - e l(-h)) / (1 - 2e)`, `[B]`: `l` DPO's loss, `h` the difference, `e` the share."""
        preference = self.beta * (pairs.chosen.gain - pairs.rejected.gain)
        flipped = self.label_smoothing
        unscaled = -(1 - flipped) * log_sigmoid(preference) + flipped * log_sigmoid(-preference)
        return unscaled / (1 - 2 * flipped)

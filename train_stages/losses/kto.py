"""Kahneman-Tversky optimisation: each answer is learned from by itself, as good or bad."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Kto(PreferenceLoss):
    """The value of an answer saturates, as people's does; answers are compared with the drift from the reference."""

    name: ClassVar[str] = "kto"
    paper: ClassVar[str] = "arXiv:2402.01306"
    trl: ClassVar[str | None] = "kto"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({**PAIR, "drift": 0.5}, [0.4750363]),  # (1 - s(.1 * .5) + 1 - s(.1 * 1.5)) / 2
    )

    beta: float = Field(default=0.1, gt=0, description="Strength of the tie to the reference; the paper's, section 4.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return the mean of `1 - sigmoid(beta (d(chosen) - z))` and `1 - sigmoid(beta (z - d(rejected)))`, `[B]`.

        `z` is the drift, which takes no gradient.
        """
        drift = 0.0 if pairs.drift is None else pairs.drift
        good = 1 - (self.beta * (pairs.chosen.gain - drift)).sigmoid()
        bad = 1 - (self.beta * (drift - pairs.rejected.gain)).sigmoid()
        return (good + bad) / 2

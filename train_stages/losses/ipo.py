"""Identity preference optimisation."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Ipo(PreferenceLoss):
    """IPO: a target for the difference of the log-ratios, so that certain preferences do not grow without an end."""

    name: ClassVar[str] = "ipo"
    paper: ClassVar[str] = "arXiv:2310.12036"
    trl: ClassVar[str | None] = "ipo"
    examples: ClassVar[tuple[Example, ...]] = (Example(PAIR, [18.0625]),)

    beta: float = Field(
        default=0.1, gt=0, description="The paper's tau, whose half reciprocal is the target; TRL's default."
    )

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `(d(chosen)/|chosen| - d(rejected)/|rejected| - 1/(2 beta))^2`, `[B]`; per token, as its authors told TRL's."""
        return (pairs.chosen.mean_gain - pairs.rejected.mean_gain - 1 / (2 * self.beta)) ** 2

"""A margin between answers (SLiC), on log-ratios as in RSO (arXiv:2309.06657)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Hinge(PreferenceLoss):
    """SLiC: a margin between the log-ratios of the two answers, beyond which nothing is learned."""

    name: ClassVar[str] = "hinge"
    paper: ClassVar[str] = "arXiv:2305.10425"
    trl: ClassVar[str | None] = "hinge"
    examples: ClassVar[tuple[Example, ...]] = (Example(PAIR, [0.8]),)

    beta: float = Field(default=0.1, gt=0, description="Reciprocal of the margin; TRL's default.")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `max(0, 1 - beta (d(chosen) - d(rejected)))`, `[B]`."""
        return (1 - self.beta * (pairs.chosen.gain - pairs.rejected.gain)).relu()

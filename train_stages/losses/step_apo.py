"""Step-APO: DPO in which the better answer has to win by as much as the search says that it is better."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, Neutral, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class StepApo(PreferenceLoss):
    """DPO with a margin for each pair: `alpha` times how much more the better answer is worth (`margin` in its notes).

    Pairs of `critical_plan_steps` have one; a pair without is learned as in DPO.
    """

    name: ClassVar[str] = "step_apo"
    paper: ClassVar[str] = "arXiv:2409.08642"
    columns: ClassVar[tuple[str, ...]] = ("margin",)
    neutral: ClassVar[Neutral | None] = Neutral({"alpha": 0.0}, "sigmoid")
    examples: ClassVar[tuple[Example, ...]] = (
        # Log-ratios of 1 and -1: .3 * 2 - 1 * .5 = .1, and log(1 + e^-.1) = .6443967; -.3 sigmoid(-.1) = -.1425063.
        Example({**PAIR, "columns": {"margin": [0.5]}}, [0.6443967], gradient=[-0.1425063]),
        Example(PAIR, [0.4374877]),  # without a margin: log(1 + e^-.6)
    )

    beta: float = Field(default=0.3, gt=0, description="Weight of the log-ratios (the released code's .3).")
    alpha: float = Field(default=1.0, ge=0, description="Weight of the margin (the released code's 1).")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return `-log sigmoid(beta (gain of the better - gain of the worse) - alpha margin)`, `[B]`."""
        ahead = self.beta * (pairs.chosen.gain - pairs.rejected.gain)
        margin = pairs.columns.get("margin")
        return -log_sigmoid(ahead if margin is None else ahead - self.alpha * margin)

"""Odds ratio preference optimisation: fine-tuning and preference at once, without a reference."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import PAIR, Answers, Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Orpo(PreferenceLoss):
    """Cross-entropy of the better answer, and the odds ratio of the better to the worse one as a classifier."""

    name: ClassVar[str] = "orpo"
    paper: ClassVar[str] = "arXiv:2403.07691"
    trl: ClassVar[str | None] = "orpo"
    needs_reference: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = (
        Example(PAIR, [0.5033429]),  # .5 + .1 * .033429; odds of e^-.5 and of e^-3
    )

    beta: float = Field(default=0.1, gt=0, description="Weight of the odds ratio, the paper's lambda (section 5).")

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return equations 6 and 7, `[B]`: `-log p(chosen) - beta log sigmoid(log odds(chosen) - log odds(rejected))`.

        `p` is the likelihood normalised by length, and its odds are `p / (1 - p)`.
        """
        ratio = log_odds(pairs.chosen) - log_odds(pairs.rejected)
        return -pairs.chosen.logps / pairs.chosen.tokens - self.beta * log_sigmoid(ratio)


def log_odds(answers: Answers) -> "Tensor":
    """Return `log(p / (1 - p))` of each answer, `[B]`: `p` its likelihood, normalised by its length."""
    mean = answers.logps / answers.tokens
    return mean - (-mean.expm1()).log()

"""MinorSFT: fine-tuning that drifts less from where it began; and rows that weigh what their column says."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example, Neutral, SupervisedLoss, log_sigmoid
from train_stages.losses.inputs import Tokens

if TYPE_CHECKING:
    from torch import Tensor


class MinorSft(SupervisedLoss):
    """Fine-tuning in which a row weighs less the more probable it has become since training began."""

    name: ClassVar[str] = "example_minor_sft"
    paper: ClassVar[str] = "arXiv:2408.10642"
    needs_reference: ClassVar[bool] = True
    needs_unpacked: ClassVar[bool] = True
    per: ClassVar[Literal["token", "row"]] = "row"
    neutral: ClassVar[Neutral | None] = Neutral({"beta": 1e-7}, base="row_mean", gradient=True)
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"logps": [[-1.0, -2.0, 0.0]], "mask": [[1, 1, 0]], "reference": [[-1.5, -2.0, 0.0]]},
            [6.6845965],  # (2 / (2 * .1)) log(1 + e^-.05)
            {"beta": 0.1},
            gradient=[[-0.4875026, -0.4875026, 0.0]],  # -(2/2) sigmoid(-.05)
        ),
    )

    beta: float = Field(default=0.04, gt=0, description="How soon a row weighs less; one of the paper's.")

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-(2/(m beta)) log sigmoid(beta d)`, `[B]`.

        `m` is the tokens of a row that carry loss, `d` its log-ratio to the checkpoint that training starts from. The
        gradient of each token's log-probability is `-(2/m) sigmoid(-beta d)`: 1/m at first, as in plain fine-tuning.
        """
        if tokens.reference is None:
            raise ValueError("it needs a reference")
        gain = ((tokens.logps - tokens.reference) * tokens.mask).sum(1)
        count = tokens.mask.sum(1).clamp(min=1)
        return -2 / (count * self.beta) * log_sigmoid(self.beta * gain)


class Weighted(SupervisedLoss):
    """Fine-tuning in which every row weighs what its column `weight` says."""

    name: ClassVar[str] = "example_weighted"
    columns: ClassVar[tuple[str, ...]] = ("weight",)
    per: ClassVar[Literal["token", "row"]] = "row"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"logps": [[-1.0, -2.0], [-0.5, 0.0]], "mask": [[1, 1], [1, 0]], "columns": {"weight": [2.0, 0.0]}},
            [3.0, 0.0],
        ),
    )

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-(w/m) sum log p`, `[B]`: `w` the weight of a row, `m` its tokens that carry loss."""
        return -tokens.columns["weight"] * (tokens.logps * tokens.mask).sum(1) / tokens.mask.sum(1).clamp(min=1)

"""Elastic weight consolidation: weights that an earlier task needs are held where they were."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.regularisers.base import Example, Regulariser

if TYPE_CHECKING:
    from torch import Tensor


class Ewc(Regulariser):
    """Pull each weight back to the parent's, in proportion to how much the parent's answers depend on it.

    The penalty is `weight / 2 * F * (w - parent)^2`, `F` the diagonal of the Fisher information. A stage `fisher` before this one
    measures it on the rows that must not be forgotten, and writes it beside the weights.
    """

    name: ClassVar[str] = "ewc"
    paper: ClassVar[str] = "arXiv:1612.00796"
    keeps_parent: ClassVar[bool] = True
    needs_importance: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any] | None] = {"weight": 0.0}
    examples: ClassVar[tuple[Example, ...]] = (
        # One step by hand: 1 - .1 * 2 = .8. At the second the pull is 10 * F * (w - 1): 10 * .5 * -.2 = -1, and 0 where F is 0.
        Example(
            [[1.0, 1.0]],
            [[[2.0, 2.0]], [[2.0, 2.0]]],
            [[0.7, 0.6]],
            settings={"weight": 10.0},
            importance=[[0.5, 0.0]],
        ),
    )

    weight: float = Field(
        default=1.0,
        ge=0,
        description="Lambda; ours. It grows with how much is at stake, and shrinks with what is to be learned.",
    )

    def on_gradient(self, name: str, weight: "Tensor", parent: "Tensor | None", importance: "Tensor | None") -> None:
        """Add `weight * F * (w - parent)`."""
        if self.weight and parent is not None and importance is not None and weight.grad is not None:
            weight.grad.add_(importance * (weight.detach() - parent), alpha=self.weight)

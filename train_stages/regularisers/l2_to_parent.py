"""L2-SP: every weight is pulled back to the parent's alike, instead of to zero as weight decay does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.regularisers.base import Example, Regulariser

if TYPE_CHECKING:
    from torch import Tensor


class L2ToParent(Regulariser):
    """Pull every weight back to the parent's; what `ewc` does where all weights matter alike. Needs nothing measured."""

    name: ClassVar[str] = "l2_to_parent"
    paper: ClassVar[str] = "arXiv:1802.01483"
    keeps_parent: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any] | None] = {"weight": 0.0}
    examples: ClassVar[tuple[Example, ...]] = (
        # .8 after the first step; at the second the pull is 2 * (.8 - 1) = -.4: .8 - .1 * (2 - .4) = .64.
        Example([[1.0]], [[[2.0]], [[2.0]]], [[0.64]], settings={"weight": 2.0}),
    )

    weight: float = Field(default=0.01, ge=0, description="Of half the squared distance (the paper tries .001 to 1).")

    def on_gradient(self, name: str, weight: "Tensor", parent: "Tensor | None", importance: "Tensor | None") -> None:
        """Add `weight * (w - parent)`."""
        if self.weight and parent is not None and weight.grad is not None:
            weight.grad.add_(weight.detach() - parent, alpha=self.weight)

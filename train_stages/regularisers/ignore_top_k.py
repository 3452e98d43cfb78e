"""Ignore-topk: the largest changes of each step are not made, which keeps new facts from leaking into unrelated text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.regularisers.base import Example, Regulariser

if TYPE_CHECKING:
    from torch import Tensor


class IgnoreTopK(Regulariser):
    """Undo the share of each matrix's changes that is largest in size, at every step; the others stay."""

    name: ClassVar[str] = "ignore_top_k"
    paper: ClassVar[str] = "arXiv:2504.09522"
    keeps_last: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 0.0}
    examples: ClassVar[tuple[Example, ...]] = (
        # Changes of -.1, .2, -.3 and .05: a quarter of four is the third.
        Example([[1.0, 1.0, 1.0, 1.0]], [[[1.0, -2.0, 3.0, -0.5]]], [[0.9, 1.2, 1.0, 1.05]], settings={"share": 0.25}),
    )

    share: float = Field(
        default=0.08, ge=0, lt=1, description="Of the changes of each tensor; about what the paper takes."
    )

    def on_step(self, name: str, weight: "Tensor", before: "Tensor") -> None:
        """Put back `floor(share * size)` values of a weight: those that changed most."""
        many = int(self.share * weight.numel() + 1e-9)
        if not many:
            return
        changes = (weight.detach() - before).abs().flatten()
        largest = changes.topk(many).indices
        weight.data.flatten()[largest] = before.flatten()[largest]

"""Sparse training: only a fixed part of each matrix is trained, so that tasks pull on fewer of the same weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from storage.ids import seed_from
from train_stages.regularisers.base import Example, Regulariser

if TYPE_CHECKING:
    from torch import Tensor


class Sparse(Regulariser):
    """Train only a part of each matrix, the same at every step: its largest weights, or weights drawn by lot as a control.

    The idea of "Proactive Gradient Conflict Mitigation in Multi-Task Learning" in our own words: only its abstract was read.
    Weight decay moves the others all the same: leave it at 0.
    """

    name: ClassVar[str] = "sparse"
    keeps_parent: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 1.0}
    examples: ClassVar[tuple[Example, ...]] = (
        # Half of four weights are trained: those of the parent's largest sizes, 3 and -2.
        Example([[1.0, -2.0, 3.0, 0.5]], [[[1.0, 1.0, 1.0, 1.0]]], [[1.0, -2.1, 2.9, 0.5]], settings={"share": 0.5}),
    )

    share: float = Field(default=0.3, gt=0, le=1, description="Of each tensor's weights, trained; ours.")
    choose: Literal["largest", "random"] = Field(default="largest", description="Which: `random` is the control.")
    seed: int = Field(default=0, ge=0, description="Of the draw.")

    def on_gradient(self, name: str, weight: "Tensor", parent: "Tensor | None", importance: "Tensor | None") -> None:
        """Set the gradient of all other weights to 0."""
        import torch

        if weight.grad is None or parent is None or self.share == 1:
            return
        many = max(1, int(self.share * weight.numel() + 1e-9))
        if self.choose == "largest":
            chosen = parent.abs().flatten().topk(many).indices
        else:
            rng = np.random.default_rng(seed_from("sparse", name, self.seed))
            chosen = torch.from_numpy(rng.permutation(weight.numel())[:many]).to(weight.device)
        mask = torch.zeros(weight.numel(), dtype=torch.bool, device=weight.device)
        mask[chosen] = True
        weight.grad.masked_fill_(~mask.view_as(weight), 0.0)

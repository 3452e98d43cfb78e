"""Momentum, orthogonalised by Newton and Schulz."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.optimisers.base import Example, Optimiser

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer


class Muon(Optimiser):
    """Muon for the matrices of hidden layers, AdamW for the rest; `learning_rate` is that of the matrices."""

    name: ClassVar[str] = "muon"
    paper: ClassVar[str] = "https://kellerjordan.github.io/posts/muon/"
    sharded: ClassVar[bool] = False
    moments: ClassVar[int] = 1
    examples: ClassVar[tuple[Example, ...]] = (
        # Singular values of .6 and .8 become .722876 and 1.119204 in five iterations of 3.4445 s - 4.775 s^3 + 2.0315 s^5.
        Example([[1.0, 0.0], [0.0, 1.0]], [[[3.0, 0.0], [0.0, 4.0]]], [[0.9277124, 0.0], [0.0, 0.8880796]]),
    )

    adamw_learning_rate: float = Field(default=3e-3, gt=0, description="Peak learning rate of the rest; ours.")
    momentum: float = Field(default=0.95, ge=0, lt=1, description="Nesterov momentum of the matrices; the author's.")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="AdamW's decay of the mean gradient; the author's.")
    beta2: float = Field(default=0.95, ge=0, lt=1, description="AdamW's decay of the squared gradient; the author's.")

    def build(self, model: "Module", *, learning_rate: float, weight_decay: float) -> "Optimizer":
        """Make both as one optimiser."""
        from train_stages.optimisers.muon_with_adamw import MuonWithAdamW

        return MuonWithAdamW(
            model,
            lr=learning_rate,
            adamw_lr=self.adamw_learning_rate,
            momentum=self.momentum,
            betas=(self.beta1, self.beta2),
            weight_decay=weight_decay,
        )

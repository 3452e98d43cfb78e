"""Adam with decoupled weight decay."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from train_stages.optimisers.base import Example, Optimiser

if TYPE_CHECKING:
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer


class AdamW(Optimiser):
    """Steps of about the learning rate in the direction of the mean gradient; biases and norms do not decay."""

    name: ClassVar[str] = "adamw"
    paper: ClassVar[str] = "arXiv:1711.05101"
    examples: ClassVar[tuple[Example, ...]] = (
        # The first step is the learning rate whatever the gradient, after a decay by .1 * .5.
        Example([[1.0, -2.0]], [[[0.5, -3.0]]], [[0.85, -1.8]], weight_decay=0.5),
        # The second after a gradient of 1 and of 0: .1 * (.09/.19) / sqrt(.000999/.001999) = .0670059.
        Example([[1.0]], [[[1.0]], [[0.0]]], [[0.8329941]]),
    )

    beta1: float = Field(default=0.9, ge=0, lt=1, description="Decay of the mean gradient; Adam's (arXiv:1412.6980).")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of the mean squared gradient; Adam's.")
    epsilon: float = Field(default=1e-8, gt=0, description="Added to the root of it; Adam's.")

    def build(self, model: "Module", *, learning_rate: float, weight_decay: float) -> "Optimizer":
        """Make torch's fused AdamW with the groups of transformers' Trainer."""
        import torch

        decaying, others = groups(model)
        return torch.optim.AdamW(
            [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            fused=True,
        )


def groups(model: "Module") -> tuple[list["Parameter"], list["Parameter"]]:
    """Return the parameters that decay, and those that do not: biases, and the weights of norms."""
    from torch.nn import LayerNorm
    from transformers.trainer_pt_utils import get_parameter_names

    names = set(get_parameter_names(model, [LayerNorm], list(_KEPT)))
    both = [(name in names, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    return [parameter for decays, parameter in both if decays], [parameter for decays, parameter in both if not decays]


_KEPT = (r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)")
"""Names of parameters that do not decay, as in transformers' Trainer."""

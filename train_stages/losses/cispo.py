"""Clipped importance sampling policy optimisation, from MiniMax-M1."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PolicyLoss
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class Cispo(PolicyLoss):
    """A policy gradient in which the clipped ratio is a weight, so that every token keeps its gradient."""

    name: ClassVar[str] = "cispo"
    paper: ClassVar[str] = "arXiv:2506.13585"
    trl: ClassVar[str | None] = "cispo"
    over_step: ClassVar[bool] = True
    stops_gradient: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            RESPONSES,
            -0.276530,  # (1.2 * 1 + .740818 * .5 - 1.2 * 2) / 3
            gradient=[[-0.4, -0.246939], [0.4, 0.0]],  # -weight * advantage / 3
        ),
    )

    epsilon_high: float = Field(
        default=0.2, gt=0, description="The ratio is clipped at 1 + epsilon_high; there is no lower clip. Ours."
    )

    def token_losses(self, sampled: Sampled) -> "Tensor":
        """Return `-sg(min(r, 1 + epsilon_high)) A log p`, `[B, T]`: `r` the ratio, `A` the advantage (equation 4)."""
        weight = sampled.ratio.clamp(max=1 + self.epsilon_high).detach()
        return -weight * sampled.advantages[:, None] * sampled.logps

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Average over the tokens of the optimiser step."""
        return losses.sum() / sampled.step_tokens

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings; the bound itself there, not its distance from 1."""
        return {**super().trl_arguments(), "epsilon_high": 1 + self.epsilon_high}

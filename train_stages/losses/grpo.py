"""Group relative policy optimisation, and the clipping that its relatives share."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.losses.base import Example, PolicyLoss
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class Grpo(PolicyLoss):
    """A clipped policy gradient, averaged over the tokens of each response and then over responses."""

    name: ClassVar[str] = "grpo"
    paper: ClassVar[str] = "arXiv:2402.03300"
    trl: ClassVar[str | None] = "grpo"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(RESPONSES, 0.339156),  # ((-1.2 - .740818) / 2 + 1.648721) / 2
    )

    epsilon: float = Field(default=0.2, gt=0, description="The probability ratio is clipped at 1 - epsilon; PPO's.")
    epsilon_high: float | None = Field(default=None, gt=0, description="And at 1 + epsilon_high; None takes epsilon.")

    def token_losses(self, sampled: Sampled) -> "Tensor":
        """Return `-min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A)`, `[B, T]`: `r` the ratio, `A` the advantage."""
        high = self.epsilon if self.epsilon_high is None else self.epsilon_high
        advantages, ratio = sampled.advantages[:, None], self.ratio(sampled)
        return -(ratio * advantages).minimum(ratio.clamp(1 - self.epsilon, 1 + high) * advantages)

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Average over each response, then over responses."""
        return (losses.sum(1) / sampled.mask.sum(1).clamp(min=1)).mean()

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {**super().trl_arguments(), "epsilon": self.epsilon, "epsilon_high": self.epsilon_high}

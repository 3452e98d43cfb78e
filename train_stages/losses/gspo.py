"""Group sequence policy optimisation, from Qwen 3."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.losses.base import Example
from train_stages.losses.grpo import Grpo
from train_stages.losses.inputs import RESPONSES, Sampled

if TYPE_CHECKING:
    from torch import Tensor


class Gspo(Grpo):
    """GRPO with one ratio for each response, the geometric mean of its tokens' ratios, which is clipped as a whole."""

    name: ClassVar[str] = "gspo"
    paper: ClassVar[str] = "arXiv:2507.18071"
    examples: ClassVar[tuple[Example, ...]] = (
        # ratios 1 (of e^.3 and e^-.3) and 1.648721, both as they are: (-1 + 1.648721) / 2
        Example(RESPONSES, 0.3243606),
        # advantages the other way round: (1 - 1.0004) / 2, the second at its upper clip
        Example({**RESPONSES, "advantages": [-1.0, 1.0]}, -0.0002),
    )

    epsilon: float = Field(default=3e-4, gt=0, description="The ratio is clipped at 1 - epsilon (section 5.1).")
    epsilon_high: float | None = Field(
        default=4e-4, gt=0, description="And at 1 + epsilon_high (section 5.1); None takes epsilon."
    )

    def ratio(self, sampled: Sampled) -> "Tensor":
        """Return `s = exp(mean over tokens of (log p - log p_old))`, `[B, 1]` (equation 7)."""
        apart = (sampled.logps - sampled.old) * sampled.mask
        return (apart.sum(1) / sampled.mask.sum(1).clamp(min=1)).exp()[:, None]

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {**super().trl_arguments(), "importance_sampling_level": "sequence"}

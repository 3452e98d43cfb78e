"""Dynamic fine-tuning: tokens that the model finds improbable weigh less."""

from typing import TYPE_CHECKING, ClassVar

from train_stages.losses.base import Example, SupervisedLoss
from train_stages.losses.inputs import Tokens

if TYPE_CHECKING:
    from torch import Tensor


class Dft(SupervisedLoss):
    """Cross-entropy in which each token weighs as much as its present probability, which takes no gradient."""

    name: ClassVar[str] = "dft"
    paper: ClassVar[str] = "arXiv:2508.05629"
    trl: ClassVar[str | None] = "dft"
    stops_gradient: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"logps": [[-1.0, -2.0, 0.0]], "mask": [[1, 1, 0]]},
            [[0.3678794, 0.2706706, 0.0]],  # e^-1 * 1, e^-2 * 2
            gradient=[[-0.3678794, -0.1353353, 0.0]],  # -e^-1, -e^-2
        ),
    )

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-sg(p) log p`, `[B, T]`."""
        return -tokens.logps.exp().detach() * tokens.logps * tokens.mask

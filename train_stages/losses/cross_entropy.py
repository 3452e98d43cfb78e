"""Cross-entropy of the given tokens: the loss of plain fine-tuning and of continued pre-training."""

from typing import TYPE_CHECKING, ClassVar

from train_stages.losses.base import Example, SupervisedLoss
from train_stages.losses.inputs import Tokens

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(SupervisedLoss):
    """The negative log-probability of each token, averaged over the tokens of an optimiser step that carry loss."""

    name: ClassVar[str] = "cross_entropy"
    trl: ClassVar[str | None] = "nll"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"logps": [[-1.0, -2.0, 0.0], [-0.5, 0.0, 0.0]], "mask": [[1, 1, 0], [1, 0, 0]]},
            [[1.0, 2.0, 0.0], [0.5, 0.0, 0.0]],
        ),
    )

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-log p`, `[B, T]`."""
        return -tokens.logps * tokens.mask

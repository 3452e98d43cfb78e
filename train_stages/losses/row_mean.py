"""Cross-entropy in which every row weighs the same, whatever its length."""

from typing import TYPE_CHECKING, ClassVar, Literal

from train_stages.losses.base import Example, SupervisedLoss
from train_stages.losses.inputs import Tokens

if TYPE_CHECKING:
    from torch import Tensor


class RowMean(SupervisedLoss):
    """The mean negative log-probability of each row's tokens, averaged over the rows of an optimiser step."""

    name: ClassVar[str] = "row_mean"
    needs_unpacked: ClassVar[bool] = True
    per: ClassVar[Literal["token", "row"]] = "row"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"logps": [[-1.0, -2.0, 0.0], [-0.5, 0.0, 0.0]], "mask": [[1, 1, 0], [1, 0, 0]]}, [1.5, 0.5]),
    )

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-(1/m) sum log p` over the `m` tokens of each row that carry loss, `[B]`."""
        return -(tokens.logps * tokens.mask).sum(1) / tokens.mask.sum(1).clamp(min=1)

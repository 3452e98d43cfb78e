"""How far the model is from a teacher, seen from the teacher."""

from typing import TYPE_CHECKING, Any, ClassVar

from train_stages.losses.base import DistilLoss, Example
from train_stages.losses.inputs import TAUGHT, Taught

if TYPE_CHECKING:
    from torch import Tensor


class ForwardKl(DistilLoss):
    """`KL(teacher || model)`: the model covers everything that the teacher may say; of a certain teacher it is cross-entropy."""

    name: ClassVar[str] = "forward_kl"
    paper: ClassVar[str] = "arXiv:2306.13649"
    trl: ClassVar[str | None] = "jsd"
    examples: ClassVar[tuple[Example, ...]] = (
        # .75 ln(.75 / .5) + .25 ln(.25 / .5) = .130812; of equals it is 0
        Example(TAUGHT, [[0.1308120, 0.0]], gradient=[[[-0.75, -0.25], [-0.9, -0.1]]]),
    )

    def __call__(self, taught: Taught) -> "Tensor":
        """Return `sum over words of t (log t - log p)` for each token, `[B, T]`."""
        return divergence(taught.teacher, taught.logps) * taught.mask

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {"beta": 0.0}


def divergence(logps: "Tensor", others: "Tensor") -> "Tensor":
    """Return `KL(p || q)` of distributions given as logarithms, `[..., V]`, over the last dimension."""
    return (logps.exp() * (logps - others)).sum(-1)

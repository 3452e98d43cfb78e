"""The divergence between a model and its teacher, seen from either or from between."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from train_stages.losses.base import DistilLoss, Example, Neutral
from train_stages.losses.forward_kl import divergence
from train_stages.losses.inputs import TAUGHT, Taught

if TYPE_CHECKING:
    from torch import Tensor


class GeneralisedJsd(DistilLoss):
    """`beta KL(teacher || mix) + (1 - beta) KL(model || mix)` with `mix = beta teacher + (1 - beta) model`.

    At 0 it is `KL(teacher || model)`, at 1 `KL(model || teacher)`, in both of which the mix would be one of the two.
    """

    name: ClassVar[str] = "generalised_jsd"
    paper: ClassVar[str] = "arXiv:2306.13649"
    trl: ClassVar[str | None] = "jsd"
    neutral: ClassVar[Neutral | None] = Neutral({"beta": 0.0}, base="forward_kl")
    examples: ClassVar[tuple[Example, ...]] = (
        # KL(model || teacher): .5 ln(.5 / .75) + .5 ln(.5 / .25) = .143841
        Example(TAUGHT, [[0.1438410, 0.0]]),
        # mix (.625, .375): half of .75 ln 1.2 + .25 ln .666667 + .5 ln .8 + .5 ln 1.333333 = .0338221
        Example(TAUGHT, [[0.0338221, 0.0]], {"beta": 0.5}),
    )

    beta: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Where between the two it is measured: 1, the reverse KL, keeps the model to what the teacher says; TRL's.",
    )

    def __call__(self, taught: Taught) -> "Tensor":
        """Return the divergence of each token, `[B, T]` (equation 1)."""
        if self.beta == 0:
            return divergence(taught.teacher, taught.logps) * taught.mask
        if self.beta == 1:
            return divergence(taught.logps, taught.teacher) * taught.mask
        mixed = (self.beta * taught.teacher.exp() + (1 - self.beta) * taught.logps.exp()).log()
        value = self.beta * divergence(taught.teacher, mixed) + (1 - self.beta) * divergence(taught.logps, mixed)
        return value * taught.mask

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {"beta": self.beta}

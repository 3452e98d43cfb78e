"""A reward model: the better of two answers has the higher score."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example, VerifierLoss, cross_entropy
from train_stages.losses.inputs import Scores

if TYPE_CHECKING:
    from torch import Tensor


class BradleyTerry(VerifierLoss):
    """Cross-entropy of which of two answers is better, from the difference of their scores."""

    name: ClassVar[str] = "bradley_terry"
    paper: ClassVar[str] = "arXiv:2203.02155"
    unit: ClassVar[Literal["answer", "step", "pair", "comparison"]] = "pair"
    examples: ClassVar[tuple[Example, ...]] = (
        # log(1 + e^-1)
        Example({"scores": [1.0], "others": [0.0], "labels": [1.0]}, [0.3132617], gradient=[-0.2689414]),
        # the same plus .01 (1 + 0)^2
        Example({"scores": [1.0], "others": [0.0], "labels": [1.0]}, [0.3232617], {"center": 0.01}),
    )

    center: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the square of the sum of both scores; TRL suggests .01 (arXiv:2312.09244).",
    )

    def __call__(self, scores: Scores) -> "Tensor":
        """Return the cross-entropy of `sigmoid(s_w - s_l)` against the label, plus `center (s_w + s_l)^2`, `[N]`."""
        assert scores.others is not None
        losses = cross_entropy(scores.scores - scores.others, scores.labels)
        return losses + self.center * (scores.scores + scores.others) ** 2

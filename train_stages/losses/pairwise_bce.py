"""A pairwise reward model: it reads both answers at once, and says which is better."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example, VerifierLoss, cross_entropy
from train_stages.losses.inputs import Scores

if TYPE_CHECKING:
    from torch import Tensor


class PairwiseBce(VerifierLoss):
    """Cross-entropy of which of two answers is better, read in both orders, which are held to agree."""

    name: ClassVar[str] = "pairwise_bce"
    paper: ClassVar[str] = "arXiv:2504.04950"
    unit: ClassVar[Literal["answer", "step", "pair", "comparison"]] = "comparison"
    examples: ClassVar[tuple[Example, ...]] = (
        # Both orders agree (1 and -1): log(1 + e^-1). In the other order 0: (.3132617 + .6931472)/2 + (.7310586 - .5)^2
        Example({"scores": [1.0, 1.0], "others": [-1.0, 0.0], "labels": [1.0, 1.0]}, [0.3132617, 0.5565925]),
        Example({"scores": [1.0], "others": [0.0], "labels": [1.0]}, [0.5032044], {"consistency": 0.0}),
    )

    consistency: float = Field(
        default=1.0,
        ge=0,
        description="Weight of the square of how far both orders are apart; ours, the paper's is not known.",
    )

    def __call__(self, scores: Scores) -> "Tensor":
        """Return the mean cross-entropy of both orders plus `consistency (p(1, 2) - (1 - p(2, 1)))^2`, `[N]`."""
        assert scores.others is not None
        first, second = scores.scores, scores.others
        losses = (cross_entropy(first, scores.labels) + cross_entropy(second, 1 - scores.labels)) / 2
        return losses + self.consistency * (first.sigmoid() - (1 - second.sigmoid())) ** 2

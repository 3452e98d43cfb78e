"""A process verifier: one score for each step."""

from typing import TYPE_CHECKING, ClassVar, Literal

from train_stages.losses.base import Example, VerifierLoss, cross_entropy
from train_stages.losses.inputs import Scores

if TYPE_CHECKING:
    from torch import Tensor


class StepBce(VerifierLoss):
    """Binary cross-entropy of each step's score, read at its last token, up to the first wrong step; steps count alike."""

    name: ClassVar[str] = "step_bce"
    paper: ClassVar[str] = "arXiv:2305.20050"
    unit: ClassVar[Literal["answer", "step", "pair", "comparison"]] = "step"
    examples: ClassVar[tuple[Example, ...]] = (
        # Two right steps and the first wrong one: log(1 + e^-2), log(1 + e^-1), log(1 + e^.5)
        Example({"scores": [2.0, 1.0, 0.5], "labels": [1.0, 1.0, 0.0]}, [0.1269280, 0.3132617, 0.9740770]),
    )

    def __call__(self, scores: Scores) -> "Tensor":
        """Return `-(y log sigmoid(s) + (1 - y) log(1 - sigmoid(s)))`, `[N]`."""
        return cross_entropy(scores.scores, scores.labels)

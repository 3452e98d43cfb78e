"""An outcome verifier: one score for a whole answer."""

from typing import TYPE_CHECKING, ClassVar, Literal

from train_stages.losses.base import Example, VerifierLoss, cross_entropy
from train_stages.losses.inputs import Scores

if TYPE_CHECKING:
    from torch import Tensor


class OutcomeBce(VerifierLoss):
    """Binary cross-entropy of an answer's score, read at its last token, against whether its final answer is right."""

    name: ClassVar[str] = "outcome_bce"
    paper: ClassVar[str] = "arXiv:2110.14168"
    unit: ClassVar[Literal["answer", "step", "pair", "comparison"]] = "answer"
    examples: ClassVar[tuple[Example, ...]] = (
        # log 2; log(1 + e^-1); log(1 + e^2)
        Example({"scores": [0.0, 1.0, 2.0], "labels": [1.0, 1.0, 0.0]}, [0.6931472, 0.3132617, 2.1269280]),
        Example({"scores": [0.0], "labels": [1.0]}, [0.6931472], gradient=[-0.5]),
    )

    def __call__(self, scores: Scores) -> "Tensor":
        """Return `-(y log sigmoid(s) + (1 - y) log(1 - sigmoid(s)))`, `[N]`."""
        return cross_entropy(scores.scores, scores.labels)

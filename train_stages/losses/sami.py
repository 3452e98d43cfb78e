"""SAMI: answers are to tell under which constitution they were written."""

from typing import TYPE_CHECKING, ClassVar

from train_stages.losses.base import Example, PreferenceLoss, log_sigmoid
from train_stages.losses.inputs import Pairs

if TYPE_CHECKING:
    from torch import Tensor


class Sami(PreferenceLoss):
    """Raise a lower bound on the mutual information of constitutions and answers, without preferences (InfoNCE, both ways).

    For two prompts and the answers to both, the bound is `log 2 - loss`. It is estimated from the mean log-probability of a
    token, as in the released code, whose KL term is not here. The pairs are those of the method `sami`.
    """

    name: ClassVar[str] = "sami"
    paper: ClassVar[str] = "arXiv:2404.14313"
    needs_reference: ClassVar[bool] = False
    crossed: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        # Mean log-probabilities of answers 1 and 2: -.5 and -3 under the first constitution, -1 and -1.5 under the second.
        # First pair: (log(1 + e^-2.5) + log(1 + e^-.5)) / 2, and -(s(-2.5) + s(-.5)) / 2 / 4 tokens. The second likewise.
        Example(
            {
                "chosen": {"logps": [-2.0, -3.0], "tokens": [4.0, 2.0]},
                "rejected": {"logps": [-6.0, -4.0], "tokens": [2.0, 4.0]},
            },
            [0.2764834, 0.5877452],
            gradient=[-0.0566749, -0.2012212],
        ),
        # Where nothing can be told: log 2, and -(s(0) + s(0)) / 2.
        Example(
            {
                "chosen": {"logps": [-1.0, -1.0], "tokens": [1.0, 1.0]},
                "rejected": {"logps": [-1.0, -1.0], "tokens": [1.0, 1.0]},
            },
            [0.6931472, 0.6931472],
            gradient=[-0.5, -0.5],
        ),
    )

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return the loss of each pair, `[B]`, mean over both ways: which answer belongs to a prompt, which prompt to an answer.

        Pairs 2k and 2k + 1 are the two prompts of one row, each with its own answer as the better one: the worse answer of one is
        the better of the other.
        """
        own = pairs.chosen.logps / pairs.chosen.tokens
        other_answer = pairs.rejected.logps / pairs.rejected.tokens
        other_prompt = other_answer.view(-1, 2).flip(1).flatten()
        return -(log_sigmoid(own - other_answer) + log_sigmoid(own - other_prompt)) / 2

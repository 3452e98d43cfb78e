"""MinorSFT: rows that the model has already learned weigh less, those that it has moved away from weigh more."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example, Neutral, SupervisedLoss, log_sigmoid
from train_stages.losses.inputs import Tokens

if TYPE_CHECKING:
    from torch import Tensor


class MinorSft(SupervisedLoss):
    """The gradient of `row_mean` for each row, times `2 sigmoid(-beta d)`, `d` the row's log-ratio to the parent.

    A row starts at a weight of 1, falls towards 0 while it becomes more probable than it was to the parent, and rises to 2 at most
    when it becomes less so. It keeps the model near its parent, from whose weights the reference is taken.
    """

    name: ClassVar[str] = "minor_sft"
    paper: ClassVar[str] = "arXiv:2408.10642"
    needs_reference: ClassVar[bool] = True
    needs_unpacked: ClassVar[bool] = True
    per: ClassVar[Literal["token", "row"]] = "row"
    neutral: ClassVar[Neutral | None] = Neutral({"beta": 1e-7}, "row_mean", gradient=True)
    examples: ClassVar[tuple[Example, ...]] = (
        # d = 0: (2 / (2 * .5)) log 2 = 1.3862944, and -1/2 for each token, as in row_mean.
        Example(
            {"logps": [[-1.0, -2.0]], "mask": [[1, 1]], "reference": [[-2.0, -1.0]]},
            [1.3862944],
            {"beta": 0.5},
            [[-0.5, -0.5]],
        ),
        # d = 2: (2 / .5) log(1 + e^-1) = 1.2530467, and -2 sigmoid(-1) = -.5378828 for its one token.
        Example(
            {"logps": [[-1.0, 0.0]], "mask": [[1, 0]], "reference": [[-3.0, 0.0]]},
            [1.2530467],
            {"beta": 0.5},
            [[-0.5378828, 0.0]],
        ),
    )

    beta: float = Field(
        default=0.04,
        gt=0,
        description="How quickly the weight of a row follows its log-ratio; ours, in the paper's range.",
    )

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return `-(2 / (m beta)) log sigmoid(beta d)` over the `m` tokens of each row that carry loss, `[B]`."""
        if tokens.reference is None:
            raise ValueError("minor_sft needs the log-probabilities of the parent")
        gain = ((tokens.logps - tokens.reference) * tokens.mask).sum(1)
        return -2 / (tokens.mask.sum(1).clamp(min=1) * self.beta) * log_sigmoid(self.beta * gain)

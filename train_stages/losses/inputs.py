"""What losses are computed from, a class for each family, and values of each for examples. `B` is rows, `T` tokens, `V` words.

No file here imports torch: a recipe is read without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Log-probabilities of the tokens that rows are to be continued with.

    Attributes:
        logps: `[B, T]`, of the model, 0 where `mask` is 0.
        mask: `[B, T]`, 1 where a token carries loss, else 0.
        reference: `[B, T]`, of the checkpoint that training starts from; None unless the loss needs it.
        columns: `[B]` each, the further columns that the loss needs.
    """

    logps: "Tensor"
    mask: "Tensor"
    reference: "Tensor | None" = None
    columns: "Mapping[str, Tensor]" = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """One side of pairs.

    Attributes:
        logps: `[B]`, log-probability of each answer by the model, summed over its tokens.
        tokens: `[B]`, tokens of each answer.
        reference: `[B]`, the same by the checkpoint that training starts from; None unless the loss needs it.
    """

    logps: "Tensor"
    tokens: "Tensor"
    reference: "Tensor | None" = None

    @property
    def gain(self) -> "Tensor":
        """`[B]`, how much more probable the model finds each answer than the reference does, as a log-ratio."""
        if self.reference is None:
            raise ValueError("a loss that uses `gain` sets needs_reference = True")
        return self.logps - self.reference

    @property
    def mean_gain(self) -> "Tensor":
        """`[B]`, the same per token."""
        return self.gain / self.tokens


@dataclass(frozen=True)
class Pairs:
    """Better and worse answers to the same prompts.

    Attributes:
        chosen: The better ones.
        rejected: The worse ones.
        drift: How far the model is from the reference, an estimate of their KL divergence, a scalar; for KTO alone.
        columns: `[B]` each, the further columns that the loss needs.
    """

    chosen: Answers
    rejected: Answers
    drift: "Tensor | None" = None
    columns: "Mapping[str, Tensor]" = field(default_factory=dict)


@dataclass(frozen=True)
class Sampled:
    """Responses that the model has written, and what they were worth.

    Attributes:
        logps: `[B, T]`, of the tokens, by the model as it is.
        old: `[B, T]`, by the model that wrote them.
        advantages: `[B]`, see `train_stages.rl.advantage`.
        mask: `[B, T]`, 1 where a token carries loss, else 0.
        longest: Longest response that is allowed, in tokens.
        step_tokens: Tokens that carry loss in the whole optimiser step, over the micro-batches in it.
        reference: `[B, T]`, by the checkpoint that training starts from; None without a KL term.
        correction: `[B, T]`, weights that make up for a difference between server and trainer; None without a server.
    """

    logps: "Tensor"
    old: "Tensor"
    advantages: "Tensor"
    mask: "Tensor"
    longest: int
    step_tokens: "Tensor | float"
    reference: "Tensor | None" = None
    correction: "Tensor | None" = None

    @property
    def ratio(self) -> "Tensor":
        """`[B, T]`, how much more probable each token has become since it was written."""
        return (self.logps - self.old).exp()


@dataclass(frozen=True)
class Scores:
    """Scores of a verifier, logits, and what they should be.

    Attributes:
        scores: `[N]`, of answers, of steps, or of the better sides of pairs.
        labels: `[N]`, how likely each is right; of pairs, how likely the first side is the better one.
        others: `[N]`, of the worse sides of pairs; of a pair that is read in both orders, in the other order.
    """

    scores: "Tensor"
    labels: "Tensor"
    others: "Tensor | None" = None


@dataclass(frozen=True)
class Taught:
    """Distributions over the next token at each place of responses that the model has written.

    Attributes:
        logps: `[B, T, V]`, logarithms, by the model.
        teacher: `[B, T, V]`, by the teacher.
        mask: `[B, T]`, 1 where a token carries loss, else 0.
    """

    logps: "Tensor"
    teacher: "Tensor"
    mask: "Tensor"


PAIR: Mapping[str, Any] = {
    "chosen": {"logps": [-2.0], "tokens": [4.0], "reference": [-3.0]},
    "rejected": {"logps": [-6.0], "tokens": [2.0], "reference": [-5.0]},
}
"""A pair for examples: log-ratios of 1 and -1, of 1/4 and -1/2 per token."""
RESPONSES: Mapping[str, Any] = {
    "logps": [[-1.0, -0.5], [-2.0, -1.0]], "old": [[-1.3, -0.2], [-2.5, -1.0]], "advantages": [1.0, -1.0],
    "mask": [[1, 1], [1, 0]], "longest": 4, "step_tokens": 3,
}  # fmt: skip
"""Two responses for examples: ratios of e^.3 = 1.349859 and e^-.3 = .740818, and of e^.5 = 1.648721."""
TAUGHT: Mapping[str, Any] = {
    "logps": [[[-0.6931472, -0.6931472], [-0.1053605, -2.3025851]]],
    "teacher": [[[-0.2876821, -1.3862944], [-0.1053605, -2.3025851]]],
    "mask": [[1, 1]],
}
"""Two tokens of a vocabulary of two for examples: (.5, .5) taught by (.75, .25), and (.9, .1) by the same."""

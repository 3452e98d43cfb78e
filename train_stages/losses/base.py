"""What a loss is: one of five families, by what it is computed from (`train_stages.losses.inputs`).

* `SupervisedLoss` (stages `sft` and `cpt`): log-probabilities of given tokens.
* `PreferenceLoss` (stage `preference`): log-probabilities of a better and a worse answer.
* `PolicyLoss` (stage `rl`): log-probabilities of the model's own responses, and their advantages.
* `VerifierLoss` (stage `verifier`): scores of answers, of steps, or of both sides of a pair.
* `DistilLoss` (stage `distil`): the distributions of the model and of its teacher over every next token.

A loss that TRL computes names it (`trl`); the formula is then what a test holds TRL's trainer to. Any other is computed by
the formula itself. No file here imports torch: a recipe is read without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from train_stages.losses.inputs import Pairs, Sampled, Scores, Taught, Tokens
from train_stages.parts import Part

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Example:
    """A value worked out by hand, to which a test holds the formula.

    Attributes:
        inputs: Fields of `Tokens`, `Pairs` or `Sampled`, as nested lists.
        expected: What the formula gives, as nested lists.
        settings: Of the loss.
        gradient: Of the sum of what it gives, by `logps` (of the chosen answer); None is not compared.
    """

    inputs: Mapping[str, Any]
    expected: Any
    settings: Mapping[str, Any] = field(default_factory=dict)
    gradient: Any = None


@dataclass(frozen=True)
class Neutral:
    """Settings at which a loss is another one; a test holds it to that.

    Attributes:
        settings: Of this loss.
        base: The other loss.
        gradient: Only the gradients are equal; the values differ by what does not depend on the model.
    """

    settings: Mapping[str, Any]
    base: str
    gradient: bool = False


class Loss(Part):
    """Base of every loss.

    Attributes:
        stages: Stages that can use it.
        trl: Its name in TRL, whose trainer then computes it; None lets the formula here do so.
        needs_reference: It needs log-probabilities of the checkpoint that training starts from, a second model in memory.
        needs_unpacked: Rows must not share a sequence: it needs to know where each row ends.
        stops_gradient: Some of the formula is a weight that takes no gradient; its examples then have one worked out.
        examples: Values worked out by hand, at least one.
        neutral: Settings at which it is another loss; None where there are none.
    """

    stages: ClassVar[tuple[str, ...]] = ()
    trl: ClassVar[str | None] = None
    needs_reference: ClassVar[bool] = False
    needs_unpacked: ClassVar[bool] = False
    stops_gradient: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = ()
    neutral: ClassVar[Neutral | None] = None


class SupervisedLoss(Loss):
    """A loss on given tokens.

    Attributes:
        per: Over what the values are averaged within an optimiser step: every token that carries loss, or every row.
        columns: Further columns of the rows that the formula needs, numbers; rows are then not packed.
    """

    stages: ClassVar[tuple[str, ...]] = ("sft", "cpt")
    per: ClassVar[Literal["token", "row"]] = "token"
    columns: ClassVar[tuple[str, ...]] = ()

    def __call__(self, tokens: Tokens) -> "Tensor":
        """Return the loss of each token, `[B, T]`, 0 where none is; or of each row, `[B]`, where `per` is `row`."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")


class PreferenceLoss(Loss):
    """A loss on pairs of answers.

    Attributes:
        columns: Further columns of the pairs that the formula needs, numbers; 0 where a pair has none.
        crossed: Each pair is followed by its twin: the prompt to which the worse answer is the better one, both answers exchanged.
    """

    columns: ClassVar[tuple[str, ...]] = ()
    crossed: ClassVar[bool] = False

    stages: ClassVar[tuple[str, ...]] = ("preference",)
    needs_reference: ClassVar[bool] = True

    def __call__(self, pairs: Pairs) -> "Tensor":
        """Return the loss of each pair, `[B]`."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {setting: getattr(self, setting) for setting in type(self).model_fields}


class PolicyLoss(Loss):
    """A loss on the model's own responses.

    Attributes:
        over_step: `mean` divides by what the whole optimiser step holds; else it is averaged over micro-batches.
        resampling: What the paper does about groups without an advantage, unless the recipe says otherwise.
    """

    stages: ClassVar[tuple[str, ...]] = ("rl",)
    over_step: ClassVar[bool] = False
    resampling: ClassVar[Literal["none", "history", "dynamic"]] = "none"

    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="group", description="Divide advantages by the standard deviation of the group or the batch."
    )
    beta: float = Field(
        default=0.0, ge=0, description="Weight of the KL term (k3, weighted by the ratio); 0 loads no reference model."
    )
    mask_truncated: bool = Field(default=False, description="Leave responses that were cut off out of the loss.")

    def __call__(self, sampled: Sampled) -> "Tensor":
        """Return the loss of a micro-batch, a scalar."""
        losses = self.token_losses(sampled)
        if sampled.correction is not None:
            losses = losses * sampled.correction
        if self.beta and sampled.reference is not None:
            apart = sampled.reference - sampled.logps
            losses = losses + self.beta * (apart.exp() - apart - 1) * self.ratio(sampled)
        return self.mean(losses * sampled.mask, sampled)

    def ratio(self, sampled: Sampled) -> "Tensor":
        """Return how much more probable each token, or response, has become since it was written: `[B, T]` or `[B, 1]`."""
        return sampled.ratio

    def token_losses(self, sampled: Sampled) -> "Tensor":
        """Return the loss of each token, `[B, T]`."""
        raise TypeError(f"{type(self).__name__} has no formula: define token_losses")

    def mean(self, losses: "Tensor", sampled: Sampled) -> "Tensor":
        """Return the average of the losses of the tokens, which are 0 where the mask is, as a scalar."""
        raise TypeError(f"{type(self).__name__} has no average: define mean")

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings."""
        return {
            "loss_type": self.trl or "dapo",
            "scale_rewards": self.scale_rewards,
            "beta": self.beta,
            "mask_truncated_completions": self.mask_truncated,
        }


class VerifierLoss(Loss):
    """A loss on scores.

    Attributes:
        unit: What has a score: an `answer`, each `step` of one, each side of a `pair`, or a `comparison`, which is a pair that
            is read at once, in both orders.
        soft: Labels are probabilities where the rows have them, else 0 and 1.
    """

    stages: ClassVar[tuple[str, ...]] = ("verifier",)
    unit: ClassVar[Literal["answer", "step", "pair", "comparison"]] = "answer"
    soft: ClassVar[bool] = False

    @property
    def smoothing(self) -> float:
        """How far the label of a pair moves towards its score whenever it was learned from; 0 leaves it alone."""
        return 0.0

    def __call__(self, scores: Scores) -> "Tensor":
        """Return the loss of each answer, step or pair, `[N]`."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")


class DistilLoss(Loss):
    """A divergence from a teacher, averaged over the tokens of an optimiser step; TRL computes those that it knows in tiles."""

    stages: ClassVar[tuple[str, ...]] = ("distil",)

    def __call__(self, taught: Taught) -> "Tensor":
        """Return the loss of each token, `[B, T]`."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")

    def trl_arguments(self) -> dict[str, Any]:
        """Return what TRL's configuration is told of the settings; nothing where the formula computes the loss."""
        return {}


def cross_entropy(scores: "Tensor", labels: "Tensor") -> "Tensor":
    """Return `-(y log sigmoid(s) + (1 - y) log(1 - sigmoid(s)))` of each score."""
    return -(labels * log_sigmoid(scores) + (1 - labels) * log_sigmoid(-scores))


def log_sigmoid(values: "Tensor") -> "Tensor":
    """Return the logarithm of the sigmoid, without underflow."""
    from torch.nn.functional import logsigmoid

    return logsigmoid(values)

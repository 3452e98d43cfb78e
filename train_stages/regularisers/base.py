"""What a regulariser is: a choice of what is trained at all, a change to the gradients, or one to a step that was taken.

It is bound to the model before the first step, when the weights are still the parent's. Gradients are changed after they were
clipped, so that a pull towards the parent is not clipped away; a step is changed before the next one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from train_stages.parts import Part

if TYPE_CHECKING:
    from torch import Tensor

Weights = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Example:
    """Steps of gradient descent worked out by hand, to which a test holds the regulariser: of one weight matrix named `w`.

    Attributes:
        weight: Before.
        gradients: At each step.
        expected: The weight after them.
        learning_rate: Of every step.
        settings: Of the regulariser.
        importance: What `ewc` reads of the parent.
    """

    weight: Sequence[Sequence[float]]
    gradients: Sequence[Sequence[Sequence[float]]]
    expected: Sequence[Sequence[float]]
    learning_rate: float = 0.1
    settings: Mapping[str, Any] = field(default_factory=dict)
    importance: Sequence[Sequence[float]] | None = None


class Regulariser(Part):
    """Base of every regulariser.

    Attributes:
        keeps_parent: It is given the parent's weights, a second copy of what is trained.
        keeps_last: It is given the weights from before the step, another copy.
        needs_importance: It is given what the stage `fisher` wrote beside the parent's weights.
        neutral: Settings at which it changes nothing; None where there are none.
        examples: Steps worked out by hand; none where what it does is a choice among layers.
    """

    keeps_parent: ClassVar[bool] = False
    keeps_last: ClassVar[bool] = False
    needs_importance: ClassVar[bool] = False
    neutral: ClassVar[Mapping[str, Any] | None] = None
    examples: ClassVar[tuple[Example, ...]] = ()

    def trained(self, names: Sequence[str]) -> Collection[str]:
        """Return which parameters are trained, of those that would be; all of them unless it says otherwise.

        Raises:
            ValueError: Its settings fit no parameter.
        """
        return names

    def on_gradient(self, name: str, weight: "Tensor", parent: "Tensor | None", importance: "Tensor | None") -> None:
        """Change a gradient (`weight.grad`) before the step; by itself nothing."""

    def on_step(self, name: str, weight: "Tensor", before: "Tensor") -> None:
        """Change a weight after the step, given what it was before; by itself nothing."""

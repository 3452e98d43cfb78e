"""What an optimiser is: what makes a `torch.optim.Optimizer` for a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from storage.errors import TrainingError
from train_stages.parts import Part

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer


@dataclass(frozen=True)
class Example:
    """Steps worked out by hand, to which a test holds the optimiser: of one linear layer without a bias.

    Attributes:
        weight: The layer's weight before.
        gradients: Its gradient at each step.
        expected: The weight after them.
        learning_rate: Of every step.
        weight_decay: Of every step.
        settings: Of the optimiser.
    """

    weight: Sequence[Sequence[float]]
    gradients: Sequence[Sequence[Sequence[float]]]
    expected: Sequence[Sequence[float]]
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


class Optimiser(Part):
    """Base of every optimiser.

    Attributes:
        sharded: It works when parameters are spread over processes (`accelerate`); else one process must train.
        moments: Values that it keeps for each weight, in the weight's precision; for the estimate of memory.
        bytes_a_weight: What it keeps for each weight where the precision is its own; None counts `moments`.
        package: What must be installed for it beside torch; empty where nothing.
        examples: Steps worked out by hand, at least one example.
    """

    sharded: ClassVar[bool] = True
    moments: ClassVar[int] = 2
    bytes_a_weight: ClassVar[float | None] = None
    package: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()

    def build(self, model: "Module", *, learning_rate: float, weight_decay: float) -> "Optimizer":
        """Make the optimiser.

        Args:
            model: The model whose parameters are trained.
            learning_rate: The peak; the schedule takes a share of it.
            weight_decay: Decoupled weight decay.
        """
        raise TypeError(f"{type(self).__name__} makes no optimiser: define build")

    def check(self) -> None:
        """Refuse an optimiser whose package is not installed.

        Raises:
            TrainingError: It is not.
        """
        if self.package and find_spec(self.package) is None:
            raise TrainingError(f"optimiser = {self.name!r} needs {self.package}: pip install {self.package}")

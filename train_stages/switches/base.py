"""What a switch is: a pure function of how both ways of learning went so far to the chance that the next step is supervised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from train_stages.parts import Part


@dataclass(frozen=True)
class Norms:
    """Gradient norms before clipping, moving averages over the steps of each way of learning; None before its first step.

    Attributes:
        supervised: Of steps on worked solutions.
        reinforced: Of steps on the model's own responses.
    """

    supervised: float | None = None
    reinforced: float | None = None

    def after(self, supervised: bool, norm: float, keep: float) -> "Norms":
        """Return the averages after a step.

        Args:
            supervised: Which way it learned.
            norm: Its norm.
            keep: How much of the old average stays, 0 to 1.
        """
        old = self.supervised if supervised else self.reinforced
        new = norm if old is None else keep * old + (1 - keep) * norm
        return Norms(new, self.reinforced) if supervised else Norms(self.supervised, new)


@dataclass(frozen=True)
class Example:
    """A chance worked out by hand.

    Attributes:
        norms: Both averages.
        expected: The chance.
        settings: Of the switch.
    """

    norms: Norms
    expected: float
    settings: Mapping[str, Any] = field(default_factory=dict)


class Switch(Part):
    """Base of every switch.

    Attributes:
        examples: Chances worked out by hand, at least one.
        memory: How much of an old average of norms stays after a step, 0 to 1.
    """

    examples: ClassVar[tuple[Example, ...]] = ()
    memory: ClassVar[float] = 0.9

    def __call__(self, norms: Norms) -> float:
        """Return the chance, 0 to 1, that the next step is supervised."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")

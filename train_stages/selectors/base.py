"""What a selector is: it begins a stream, which is asked of each row whether to look at it, and then whether to learn from it.

Looking at a row is a forward pass without gradients, learning from it another one and a backward pass. A stream decides by what it
has seen so far; its state is JSON, so that a training that broke off goes on with the same decisions.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from train_stages.parts import Part


class Stream(ABC):
    """One pass over a stream of rows."""

    @abstractmethod
    def looks(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        """Say which of the next rows, given by their tokens, are looked at; the others are not learned from either."""

    @abstractmethod
    def learns(self, rows: Sequence[Sequence[int]], losses: Sequence[float]) -> list[bool]:
        """Say which of the rows that were looked at are learned from.

        Args:
            rows: Their tokens.
            losses: The mean loss of each, of its tokens that carry loss.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return all that later decisions depend on, as JSON values."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""

    def figures(self) -> dict[str, float]:
        """Return figures about the stream for the metrics."""
        return {}


class Selector(Part):
    """Base of every selector.

    Attributes:
        neutral: Settings at which every row is learned from; None where there are none.
    """

    neutral: ClassVar[Mapping[str, Any] | None] = None

    def begin(self, rows: int, seed: int) -> Stream:
        """Begin a stream.

        Args:
            rows: Rows that will come, repetitions counted.
            seed: Of everything random in it.
        """
        raise TypeError(f"{type(self).__name__} selects nothing: define begin")

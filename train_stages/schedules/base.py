"""What a schedule is: a function of the step alone, so that a stage that was killed goes on with the same one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field

from train_stages.parts import Part


@dataclass(frozen=True)
class Example:
    """Factors worked out by hand, to which a test holds the formula.

    Attributes:
        steps: Optimiser steps of the training.
        expected: The factor at each step.
        settings: Of the schedule.
    """

    steps: int
    expected: tuple[float, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


class Schedule(Part):
    """Base of every schedule.

    Attributes:
        examples: Factors worked out by hand, at least one example.
    """

    examples: ClassVar[tuple[Example, ...]] = ()

    warmup: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Share of the steps, rounded up, in which the learning rate rises; the last of them is at the peak.",
    )

    def __call__(self, step: int, steps: int) -> float:
        """Return the share of the peak learning rate, 0 to 1, at `step` (from 0) of `steps`.

        The first step of a warm-up of n is at 1/n of the peak, the last at the peak, as in torchtitan. In transformers it is at
        0, so that the rows of the first step are never learned from, and a training of one step learns nothing.
        """
        first = math.ceil(self.warmup * steps)
        return (step + 1) / first if step < first else self.after(step - first, steps, first)

    def after(self, step: int, steps: int, first: int) -> float:
        """Return the share of the peak, `step` steps after the `first` ones, in which the learning rate rose."""
        raise TypeError(f"{type(self).__name__} has no formula: define after, or __call__")

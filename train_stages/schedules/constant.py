"""The peak learning rate, from the end of the warm-up to the last step."""

from typing import ClassVar

from train_stages.schedules.base import Example, Schedule


class Constant(Schedule):
    """The learning rate rises and stays."""

    name: ClassVar[str] = "constant"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(4, (0.5, 1.0, 1.0, 1.0), {"warmup": 0.5}),
        Example(1, (1.0,), {"warmup": 0.02}),  # a training of one step learns
    )

    def after(self, step: int, steps: int, first: int) -> float:
        """Return 1."""
        return 1.0

"""Half a cosine, from the peak to the lowest learning rate."""

import math
from typing import ClassVar

from pydantic import Field

from train_stages.schedules.base import Example, Schedule


class Cosine(Schedule):
    """The learning rate rises and falls along half a cosine."""

    name: ClassVar[str] = "cosine"
    paper: ClassVar[str] = "arXiv:1608.03983"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(4, (1.0, 0.8535534, 0.5, 0.1464466), {"warmup": 0}),
        Example(2, (1.0, 0.55), {"warmup": 0, "lowest": 0.1}),
    )

    lowest: float = Field(
        default=0.0, ge=0, le=1, description="Share of the peak at the end; SGDR's 0, without its restarts."
    )

    def after(self, step: int, steps: int, first: int) -> float:
        """Return `lowest + (1 - lowest)(1 + cos(pi t))/2`, `t` the share of the steps that are done."""
        done = step / max(1, steps - first)
        return self.lowest + (1 - self.lowest) * (1 + math.cos(math.pi * done)) / 2

"""Warm-up, stable, decay (WSD): a linear rise, the peak learning rate, a linear fall."""

from typing import ClassVar

from pydantic import Field

from train_stages.schedules.base import Example, Schedule


class WarmupStableDecay(Schedule):
    """The learning rate rises, stays, and falls to 0 in a straight line."""

    name: ClassVar[str] = "warmup_stable_decay"
    paper: ClassVar[str] = "arXiv:2404.06395"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(8, (0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25), {"warmup": 0.25, "decay": 0.5}),
        Example(4, (1.0, 1.0, 1.0, 1.0), {"warmup": 0, "decay": 0}),
    )

    decay: float = Field(default=0.5, ge=0, le=1, description="Share of the steps, at the end, in which it falls to 0.")

    def after(self, step: int, steps: int, first: int) -> float:
        """Return 1, and `1 - t` in the last part, `t` the share of it that is done."""
        last = round(self.decay * steps)
        stable = steps - first - last
        if step < stable:
            return 1.0
        return 1.0 - (step - stable) / max(1, last) if step < stable + last else 0.0

"""Cyclical learning rates: up and down between two rates, in straight lines."""

from typing import ClassVar

from pydantic import Field

from train_stages.schedules.base import Example, Schedule


class Cyclical(Schedule):
    """After the warm-up the learning rate falls to `lowest` and rises again, `cycles` times, in straight lines.

    The policy `triangular` of the paper, or `triangular2` with `shrink` of .5: each cycle's peak stands so much nearer to the
    lowest rate than the one before. It begins at the peak, where the warm-up ends, and not at the lowest rate as in the paper.
    """

    name: ClassVar[str] = "cyclical"
    paper: ClassVar[str] = "arXiv:1506.01186"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(8, (1.0, 0.625, 0.25, 0.625, 1.0, 0.625, 0.25, 0.625), {"warmup": 0, "cycles": 2, "lowest": 0.25}),
        # Peaks of 1, .5 and .25 above a lowest of 0; a cycle falls from its own peak and rises to the next one's.
        Example(4, (1.0, 0.0, 0.5, 0.0), {"warmup": 0, "cycles": 2, "lowest": 0, "shrink": 0.5}),
        Example(2, (0.5, 1.0), {"warmup": 1}),
    )

    cycles: int = Field(
        default=4, ge=1, description="Cycles over the steps; ours (the paper: 2 to 10 epochs a half cycle)."
    )
    lowest: float = Field(
        default=0.25, ge=0, le=1, description="Share of the peak between cycles (the paper: a third or a fourth)."
    )
    shrink: float = Field(
        default=1.0, gt=0, le=1, description="Of the peak above the lowest rate, from cycle to cycle; triangular2's .5."
    )

    def after(self, step: int, steps: int, first: int) -> float:
        """Return `lowest + (1 - lowest) shrink^k |1 - 2t|`, `t` the share of the cycle that is done, `k` whole cycles before."""
        done = step * self.cycles / max(1, steps - first)
        cycle = int(done + 1e-9)
        height = self.shrink ** (cycle + (done - cycle > 0.5 + 1e-9))
        return self.lowest + (1 - self.lowest) * height * abs(1 - 2 * (done - cycle))

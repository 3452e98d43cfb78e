"""What convex theory promises of a schedule, and the rate that goes with it (arXiv:2501.18965; the bound is arXiv:2310.07831's).

For a convex function whose subgradients are at most `gradient` and whose optimum is at `distance` from the start, the last of `T`
steps of size `rate * factor[t]` is above the optimum by at most

    distance^2 / (2 rate S(1)) + (rate / 2) (Q(1) / S(1) + sum over k < T of factor[k] / S(k+1) * Q(k) / S(k)),

with `S(k)` the sum of the factors from step k on and `Q(k)` that of their squares times gradient^2. Training a language model is
not convex; the paper's finding is that its curves look like this bound all the same, and that the best rate moves between
schedules and lengths about as the bound's does.
"""

import math
from collections.abc import Sequence

import numpy as np

from train_stages.schedules.base import Schedule


def factors(schedule: Schedule, steps: int) -> list[float]:
    """Return the share of the peak learning rate at each step."""
    return [schedule(step, steps) for step in range(steps)]


def _parts(shares: Sequence[float], distance: float, gradient: float) -> tuple[float, float]:
    """The bound is `first / rate + second * rate`."""
    rates = np.asarray([share for share in shares if share > 0], float)  # a step of size 0 does nothing
    if rates.size == 0:
        raise ValueError("a schedule needs a step above 0")
    rest = np.cumsum(rates[::-1])[::-1]
    squares = np.cumsum((rates**2)[::-1])[::-1] * gradient**2
    last = np.sum(rates[:-1] / rest[1:] * squares[:-1] / rest[:-1])
    return distance**2 / (2 * rest[0]), float((squares[0] / rest[0] + last) / 2)


def bound(shares: Sequence[float], rate: float, *, distance: float = 1.0, gradient: float = 1.0) -> float:
    """Return how far the last step is above the optimum, at most.

    Args:
        shares: Of the peak rate at each step.
        rate: The peak rate.
        distance: Of the optimum from the start.
        gradient: Largest norm of a subgradient.
    """
    first, second = _parts(shares, distance, gradient)
    return first / rate + second * rate


def best(shares: Sequence[float], *, distance: float = 1.0, gradient: float = 1.0) -> tuple[float, float]:
    """Return the peak rate at which the bound is lowest, and the bound there."""
    first, second = _parts(shares, distance, gradient)
    return math.sqrt(first / second), 2 * math.sqrt(first * second)


def transfer(tuned: Sequence[float], other: Sequence[float]) -> float:
    """Return by what to multiply a peak rate that was tuned for one schedule and length, for another."""
    return best(other)[0] / best(tuned)[0]

"""The few statistics that decide about a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """A share of `n` with its 95 % Wilson interval.

    Attributes:
        value: hits / n, 0 when n is 0.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Number of trials.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(hits: int, n: int, z: float = Z95) -> Share:
    """The Wilson score interval (Wilson 1927); [0, 1] when there are no trials."""
    if n == 0:
        return Share(0.0, 0.0, 1.0, 0)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Share(share, low, high, n)


@dataclass(frozen=True, slots=True)
class McNemar:
    """An exact McNemar test on paired right-or-wrong outcomes.

    Attributes:
        n: Number of pairs.
        lost: Right before, wrong after.
        gained: Wrong before, right after.
        p: Two-sided p-value; 1 when nothing changed.
        p_worse: One-sided p-value against "not worse".
    """

    n: int
    lost: int
    gained: int
    p: float
    p_worse: float


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """Test whether two models that answered the same items differ (McNemar 1947, exact binomial form)."""
    lost = sum(old and not new for old, new in zip(before, after, strict=True))
    gained = sum(new and not old for old, new in zip(before, after, strict=True))
    changed = lost + gained
    if changed == 0:
        return McNemar(len(before), 0, 0, 1.0, 1.0)
    two_sided = min(1.0, 2 * _at_most(min(lost, gained), changed))
    return McNemar(len(before), lost, gained, two_sided, _at_most(gained, changed))


def _at_most(hits: int, n: int) -> float:
    """The chance of at most so many heads in `n` tosses of a fair coin, exactly."""
    return float(Fraction(sum(math.comb(n, k) for k in range(hits + 1)), 2**n))


def paired_bootstrap(
    differences: Sequence[float], *, draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of paired differences, resampling problems."""
    import numpy as np

    values = np.asarray(differences, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [values[rng.integers(0, len(values), (size, len(values)))].mean(1) for size in _chunks(draws, 1000)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _chunks(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]

"""The few statistics that decide about a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

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
    """Percentile interval of the mean of paired differences, resampling problems (Efron and Tibshirani 1993, chapter 13).

    The fewer chances a tail has, the more draws it takes: at least 40 lie beyond each end.
    """
    import numpy as np

    draws = max(draws, math.ceil(80 / (1 - level)))

    values = np.asarray(differences, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [values[rng.integers(0, len(values), (size, len(values)))].mean(1) for size in _chunks(draws, 1000)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _chunks(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def paired_upper(lost: int, gained: int, n: int, level: float = 0.95) -> float:
    """One-sided upper bound of a gain in accuracy on paired items (Bonett and Price 2012, adjusted Wald).

    Args:
        lost: Items right before and wrong after.
        gained: Items wrong before and right after.
        n: Items in all.
        level: Confidence that the true gain lies below the bound.
    """
    b, c = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    return min(1.0, c - b + normal_quantile(level) * math.sqrt((b + c - (c - b) ** 2) / (n + 2)))


def normal_quantile(share: float) -> float:
    """The standard normal quantile."""
    return NormalDist().inv_cdf(share)


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Chance that at least one of `k` of the samples is correct, without bias (Chen et al. 2021, arXiv:2107.03374, eq. 1).

    Raises:
        ValueError: `k` is not between 1 and `samples`.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {samples} samples: k must lie between 1 and the number of samples")
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def clustered(values: Sequence[float], clusters: Sequence[str], z: float = Z95) -> Share:
    """The interval of a mean of values in [0, 1] whose items come in clusters (puzzles of one structure).

    The cluster-robust variance (Liang and Zeger 1986; Miller 2024, arXiv:2411.00640, section 2.2) gives the number of
    independent items that these are worth; Wilson's interval is taken at that number, so that it stays inside [0, 1] and is
    no point when all values are equal. Without clusters of several items it is Wilson's own for right-or-wrong values.
    """
    n = len(values)
    if n == 0:
        return Share(0.0, 0.0, 1.0, 0)
    mean = sum(values) / n
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    variance = sum(total * total for total in sums.values()) / (n * n)
    worth = min(float(n), mean * (1 - mean) / variance) if variance > 0 else float(len(sums))
    if len(sums) == n and all(value in (0, 1) for value in values):
        worth = float(n)
    half = z * math.sqrt(mean * (1 - mean) / worth + z * z / (4 * worth * worth)) / (1 + z * z / worth)
    centre = (mean + z * z / (2 * worth)) / (1 + z * z / worth)
    low = 0.0 if mean == 0 else max(0.0, centre - half)
    return Share(mean, low, 1.0 if mean == 1 else min(1.0, centre + half), n)


def spent_alpha(alpha: float, look: int) -> float:
    """The two-sided level of the `look`-th test on one set of items: alpha at the first, then alpha / (k (k - 1)).

    A promotion needs one of the two sides, so an equal model is promoted by look k with chance alpha_k / 2 at most. Since
    1/(1*2) + 1/(2*3) + ... = 1, that sums to alpha / 2 + alpha / 2: the chance that a set ever promotes a model that is no
    better stays at or below `alpha`, however often it is looked at (a union bound over the looks).
    """
    return alpha if look == 1 else alpha / (look * (look - 1))

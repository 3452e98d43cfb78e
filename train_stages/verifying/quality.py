"""How good a verifier is on answers that it has not learned from: ranking, calibration, and where the first error is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 1000
BINS = 10


def auroc(scores: Sequence[float], right: Sequence[bool]) -> float:
    """Return the probability that a right answer has a higher score than a wrong one, ties counted half.

    NaN where one of the two is missing. By ranks (Mann and Whitney).
    """
    values, labels = np.asarray(scores, float), np.asarray(right, bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def interval(
    measure: Callable[[np.ndarray[Any, Any]], float], clusters: Sequence[str], *, seed: int = 0
) -> tuple[float, float]:
    """Return a 95 % interval by drawing whole clusters (problems) again.

    Args:
        measure: A figure of rows, which are given by their numbers.
        clusters: The cluster of each row.
        seed: Of the draws.
    """
    _, inverse = np.unique(np.asarray(clusters), return_inverse=True)
    members = [np.flatnonzero(inverse == number) for number in range(int(inverse.max()) + 1)]
    rng = np.random.default_rng([seed, 0xA0C])
    drawn = [
        measure(np.concatenate([members[n] for n in rng.integers(len(members), size=len(members))]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if not np.all(np.isnan(drawn)) else (float("nan"), float("nan"))
    return float(low), float(high)


def calibration(chances: Sequence[float], right: Sequence[bool]) -> list[dict[str, float]]:
    """Return ten bins of equal width that hold something: `low`, `high`, `answers`, mean `score`, and the share `right`."""
    values, labels = np.asarray(chances, float), np.asarray(right, float)
    number = np.minimum((values * BINS).astype(int), BINS - 1)
    return [
        {
            "low": bin_ / BINS,
            "high": (bin_ + 1) / BINS,
            "answers": float((number == bin_).sum()),
            "score": float(values[number == bin_].mean()),
            "right": float(labels[number == bin_].mean()),
        }
        for bin_ in range(BINS)
        if (number == bin_).any()
    ]


def calibration_error(bins: Sequence[Mapping[str, float]]) -> float:
    """Return how far score and share right are apart, averaged over the answers (ECE, arXiv:1706.04599)."""
    total = sum(part["answers"] for part in bins)
    return sum(part["answers"] * abs(part["score"] - part["right"]) for part in bins) / total if total else 0.0


def first_error(chances: Sequence[float], threshold: float = 0.5) -> int | None:
    """Return the number of the first step below a threshold, from 0; None where there is none."""
    return next((number for number, chance in enumerate(chances) if chance < threshold), None)

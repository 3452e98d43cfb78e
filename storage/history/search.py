"""Look-ups in sorted digests: digests are even over their range, so a key stands about where its value says.

Interpolation search (Peterson, 1957) takes log log n steps where bisection takes log n, and each step is a page of a mapped file.
"""

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_LARGEST = np.uint64(2**64 - 1)
_GUESSES = 2
"""Steps by interpolation: the first is off by about half the root of how many keys there are, the second by the root of that."""
_WINDOW = 64
"""Keys to either side of the last guess that are gone through by bisection; what is not among them is bisected whole."""


def equal_range(column: U64, wanted: U64) -> tuple[Places, Places]:
    """Return for each key where it begins and where it ends in a sorted column, as `np.searchsorted` left and right.

    Args:
        column: Sorted keys, in memory or mapped; looked into at few places where they are spread evenly, right in any case.
        wanted: Keys, in any order; near ones beside each other are found faster.
    """
    left = _lower_bound(column, wanted)
    right = left.copy()
    there = np.flatnonzero(left < len(column))
    there = there[column[left[there]] == wanted[there]]
    last = wanted[there] == _LARGEST
    right[there] = np.where(last, len(column), _lower_bound(column, wanted[there] + (~last).astype(np.uint64)))
    return left, right


def _lower_bound(column: U64, wanted: U64) -> Places:
    count = len(column)
    if count <= 2 * _WINDOW:
        return np.searchsorted(column, wanted, "left").astype(np.int64)
    low, high = np.zeros(len(wanted), np.int64), np.full(len(wanted), count, np.int64)
    target, per_key = wanted.astype(np.float64), count / 2.0**64
    guess = np.clip((target * per_key).astype(np.int64), 0, count - 1)
    for _ in range(_GUESSES):
        found = column[guess]
        below = found < wanted
        low, high = np.where(below, guess + 1, low), np.where(below, high, guess)
        guess += ((target - found) * per_key).astype(np.int64)
        np.clip(guess, low, np.minimum(high, count - 1), out=guess)
    first, last = np.maximum(guess - _WINDOW, low), np.minimum(guess + _WINDOW, high)
    inside = (first == low) | (column[np.maximum(first - 1, 0)] < wanted)
    inside &= (last == high) | (column[np.minimum(last, count - 1)] >= wanted)
    while (open_ := np.flatnonzero(inside & (first < last))).size:
        middle = (first[open_] + last[open_]) // 2
        below = column[middle] < wanted[open_]
        first[open_[below]], last[open_[~below]] = middle[below] + 1, middle[~below]
    outside = np.flatnonzero(~inside)
    first[outside] = np.searchsorted(column, wanted[outside], "left")
    return first

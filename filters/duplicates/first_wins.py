"""Which rows are near duplicates of a row kept before them: the first wins, compiled or in plain Python."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filters import compiled
from filters.duplicates.banding import Buckets, Keys, band_keys
from filters.duplicates.sketch import SLOTS, Sketch, similarity
from filters.duplicates.sketches import Sketches

SLACK = 0.15
"""A candidate whose slots agree this much less than the threshold is not worth confirming: over four sigma."""

Flags = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Attributes:
        kept: For each row the kept row that it resembles most, -1 when it is no duplicate.
        similarity: The exact similarity, where there is one.
        full: How many times a bucket was full when one more row came.
    """

    kept: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    full: int


def least_equal(threshold: float) -> int:
    """Return how many slots of two rows must agree for their similarity to be worth computing."""
    return int(np.ceil((threshold - SLACK) * SLOTS))


def first_wins(sketches: Sketches, keys: Keys, may: Flags, skip: Flags, *, threshold: float, cap: int) -> Duplicates:
    """Find duplicates among rows in their order; a duplicate is never kept, so no later row is a duplicate of it.

    Args:
        sketches: Two parts per row.
        keys: Band keys of the rows.
        may: 1 for a row that may stand for its duplicates.
        skip: 1 for a row that is not to be looked at.
        threshold: Similarity of both parts from which on a row is a duplicate.
        cap: Most rows of one bucket.
    """
    count = len(keys)
    least = least_equal(threshold)
    if not compiled.enabled(len(sketches.hashes)):
        return _plain(sketches, keys, may, skip, threshold, least, cap)
    from filters.compiled.first_wins import first_wins as run

    kept, similarities = np.empty(count, np.int64), np.empty(count, np.float64)
    full = run(
        keys, sketches.whole, sketches.hashes, sketches.offsets, may, skip, threshold, least, cap, kept, similarities
    )  # fmt: skip
    return Duplicates(kept, similarities, int(full))


def _plain(
    sketches: Sketches, keys: Keys, may: Flags, skip: Flags, threshold: float, least: int, cap: int
) -> Duplicates:
    count, slots = len(keys), sketches.whole
    kept, similarities = np.full(count, -1, np.int64), np.zeros(count, np.float64)
    buckets, full = Buckets(cap), 0
    rows = [Sketch(sketches.of(2 * row), sketches.of(2 * row + 1), slots[row]) for row in range(count)]
    for row in range(count):
        if skip[row]:
            continue
        candidates = buckets.candidates(keys[row])
        if candidates:
            equal = (slots[candidates] == slots[row]).sum(axis=1)
            for other, close in zip(candidates, (equal >= least).tolist(), strict=True):
                if close and (alike := similarity(rows[row], rows[other])) > similarities[row]:
                    kept[row], similarities[row] = other, alike
        if similarities[row] < threshold:
            kept[row] = -1
            if may[row]:
                full += buckets.insert(row, keys[row])
    return Duplicates(kept, similarities, full)


def keep_first(sketches: Sketches, *, threshold: float = 0.8, cap: int = 256) -> npt.NDArray[np.bool_]:
    """Say which of many plain texts (`sketch_texts`) are kept, in their order."""
    count = len(sketches.slots)
    offsets = np.repeat(sketches.offsets, 2)[:-1]  # rows of which nothing was given
    none = np.zeros(count, np.uint8)
    rows = _Single(sketches.hashes, offsets, sketches.slots)
    duplicates = first_wins(rows, band_keys(rows.slots, [""] * count), none + 1, none, threshold=threshold, cap=cap)
    return duplicates.kept < 0


class _Single(Sketches):
    """Sketches of rows of which only the second part has a signature."""

    @property
    def whole(self) -> npt.NDArray[np.uint32]:
        return self.slots

"""Locality-sensitive hashing: rows that share a band of their signature are candidates."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xxhash

from filters import compiled

BANDS, ROWS = 25, 5
"""25 bands of 5 rows find a pair of similarity 0.8 with probability over 0.999. The `optimal` parameters that libraries
compute for one threshold (9 x 13 for 0.8) find it with 0.40. So many candidates are affordable as each is confirmed."""

Array = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]

_PRIME = np.uint64(0x9E3779B97F4A7C15)


def band_keys(signatures: Array, groups: Sequence[str]) -> Keys:
    """Hash each band of each signature, apart by group and band.

    Args:
        signatures: One row per text, at least `BANDS` * `ROWS` slots.
        groups: One name per text; only texts of one group are candidates of each other.

    Returns:
        Array of shape (texts, `BANDS`).
    """
    salts = {name: xxhash.xxh64_intdigest(name.encode("utf-8", "replace")) for name in set(groups)}
    start = np.array([salts[name] for name in groups], dtype=np.uint64)
    if compiled.enabled(signatures.size):
        from filters.compiled.banding import band_keys as run

        keys: Keys = np.empty((len(signatures), BANDS), np.uint64)
        run(signatures, start, _PRIME, ROWS, keys)
        return keys
    bands = signatures[:, : BANDS * ROWS].astype(np.uint64).reshape(len(signatures), BANDS, ROWS)
    keys = start[:, None] ^ (np.arange(1, BANDS + 1, dtype=np.uint64) * _PRIME)
    for row in range(ROWS):
        keys = (keys ^ bands[:, :, row]) * _PRIME
        keys ^= keys >> np.uint64(29)
    return keys


class Buckets:
    """Buckets that grow as rows are kept. Duplicates are never inserted, so equal texts do not make it quadratic.

    Args:
        cap: Most rows of one bucket. A full bucket (boilerplate) takes no more.

    Attributes:
        full: Buckets that were full when one more row came.
    """

    def __init__(self, cap: int) -> None:
        self.full: set[int] = set()
        self._cap = cap
        self._rows: dict[int, list[int]] = {}

    def candidates(self, keys: Keys) -> list[int]:
        """Return the kept rows that share a band with these keys, in order."""
        return sorted({row for key in keys.tolist() for row in self._rows.get(key, ())})

    def insert(self, row: int, keys: Keys) -> int:
        """Keep a row; return how many of its buckets were full."""
        full = 0
        for key in keys.tolist():
            bucket = self._rows.setdefault(key, [])
            if len(bucket) < self._cap:
                bucket.append(row)
            else:
                self.full.add(key)
                full += 1
        return full

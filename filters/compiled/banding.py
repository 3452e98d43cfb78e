"""Hashes of the bands of signatures."""

import numpy as np

from filters.compiled.jit import jit

_29 = np.uint64(29)


@jit
def band_keys(signatures, salts, prime, rows, keys):
    """Hash each band of `rows` slots of each signature; the shape of `keys` says how many bands."""
    for text in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = salts[text] ^ (np.uint64(band + 1) * prime)
            for slot in range(band * rows, (band + 1) * rows):
                key = (key ^ np.uint64(signatures[text, slot])) * prime
                key ^= key >> _29
            keys[text, band] = key

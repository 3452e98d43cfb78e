"""Which texts hold a character that only Python can fold."""

import numpy as np

from filters.compiled.jit import jit

_BLOCK = 64
_1, _2, _3 = (np.uint64(value) for value in (1, 2, 3))
"""Unsigned, as signed positions cost a test for negative ones at each access."""


@jit
def find_special(data, offsets, special, flags):
    """Mark in `flags` each text with a character that only Python can fold."""
    for text in range(len(offsets) - 1):
        at, end = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        plain = at  # up to here it was looked for a block of ASCII
        while at < end:
            if at >= plain and at + np.uint64(_BLOCK) <= end:
                high = np.uint8(0)
                for ahead in range(_BLOCK):  # as vectors
                    high |= data[at + np.uint64(ahead)]
                plain = at + np.uint64(_BLOCK)
                if high < 0x80:
                    at = plain
                    continue
            byte = data[at]
            if byte < 0x80:
                at += _1
            elif byte < 0xE0:
                if special[((byte & 0x1F) << 6) | (data[at + _1] & 0x3F)]:
                    flags[text] = 1
                    break
                at += _2
            elif byte < 0xF0:
                if special[((byte & 0x0F) << 12) | ((data[at + _1] & 0x3F) << 6) | (data[at + _2] & 0x3F)]:
                    flags[text] = 1
                    break
                at += _3
            else:
                flags[text] = 1
                break

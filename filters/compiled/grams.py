"""Token hashes, hashes of runs of tokens, and whether a text holds one of a set of runs."""

import numpy as np

from filters.compiled.jit import jit

_BASE = np.uint64(0x9E3779B97F4A7C15)
_START = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_1, _S3, _S29, _S32 = np.uint64(1), np.uint64(3), np.uint64(29), np.uint64(32)


@jit
def _mixed(value):
    value = (value ^ (value >> _S32)) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> _S29)


@jit
def hash_tokens(data, starts, ends, changes, into, mask, hashes):
    """Hash each token; a token whose hash is in `changes` (sorted) gets the one in `into` instead.

    Where `mask` is not 0, a token that starts with a digit or a point gets that.

    The entry behind a text's last token, which is no token, gets 0.
    """
    at = 0
    low, high = changes[0], changes[len(changes) - 1]
    for text in range(len(ends)):
        while at < ends[text] - 1:
            value = _START
            for byte in range(starts[at], starts[at + 1] - 1):
                value = (value ^ np.uint64(data[byte])) * _PRIME
            value = _mixed(value)
            first = data[starts[at]]
            if mask and (48 <= first <= 57 or first == 46):
                value = mask
            elif low <= value <= high:
                left, right = 0, len(changes)
                while left < right:
                    middle = (left + right) >> 1
                    if changes[middle] < value:
                        left = middle + 1
                    else:
                        right = middle
                if left < len(changes) and changes[left] == value:
                    value = into[left]
            hashes[at] = value
            at += 1
        hashes[at] = np.uint64(0)
        at += 1


@jit
def hash_whole(hashes, ends, out):
    """Write the hash of all tokens of each text, as one run."""
    for text in range(len(ends)):
        value = np.uint64(0)
        for at in range(ends[text - 1] if text else 0, ends[text] - 1):
            value = value * _BASE + hashes[at]
        out[text] = _mixed(value)


@jit
def fill(keys, bits, table):
    """Put hashes into a bitmap and a table; the sizes of both are powers of two, 0 is an empty place."""
    for key in keys:
        bit = key & np.uint64(8 * len(bits) - 1)
        bits[bit >> _S3] |= np.uint8(1 << (bit & np.uint64(7)))
        slot = (key >> _S32) & np.uint64(len(table) - 1)
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + _1) & np.uint64(len(table) - 1)
        table[slot] = key


@jit
def holds_any(hashes, ends, length, bits, table, flags):
    """Mark in `flags` each text that holds a run of `length` tokens (0: the whole text) out of a set.

    Args:
        hashes: Token hashes as `hash_tokens` leaves them, with `ends` of each text.
        length: Tokens of a run.
        bits: Bitmap of the set; `table` is its table.
        flags: Gets 1 for a text that holds one; texts that have it already are not looked at.
    """
    bit_mask, mask = np.uint64(8 * len(bits) - 1), np.uint64(len(table) - 1)
    for text in range(len(ends)):
        start = ends[text - 1] if text else 0
        end = ends[text] - 1
        size = length if length else end - start
        if size == 0 or end - start < size or flags[text]:
            continue
        top = _1
        for _ in range(size - 1):
            top *= _BASE
        value = np.uint64(0)
        for at in range(start, end):
            if at - start >= size:
                value -= hashes[at - size] * top
            value = value * _BASE + hashes[at]
            if at - start < size - 1:
                continue
            key = _mixed(value)
            bit = key & bit_mask
            if bits[bit >> _S3] & np.uint8(1 << (bit & np.uint64(7))):
                slot = (key >> _S32) & mask
                while table[slot] != 0 and table[slot] != key:
                    slot = (slot + _1) & mask
                if table[slot] == key:
                    flags[text] = 1
                    break

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
def hash_tokens(data, starts, ends, hashes):
    """Hash each token. The entry behind a text's last token, which is no token, gets 0."""
    at = 0
    for text in range(len(ends)):
        while at < ends[text] - 1:
            value = _START
            for byte in range(starts[at], starts[at + 1] - 1):
                value = (value ^ np.uint64(data[byte])) * _PRIME
            hashes[at] = _mixed(value)
            at += 1
        hashes[at] = np.uint64(0)
        at += 1


@jit
def hash_skeletons(data, starts, ends, words, slots, kinds, into, number, hashes, new_ends, bags):
    """Hash each token, with every stretch of numbers and of what a number may swallow as one `number`.

    A stretch without a number stays as it is (`filters.leaks.wording.skeleton`).

    Args:
        data: Bytes of the tokens; `starts` and `ends` as in `Tokens`.
        words: Hashes of words; `kinds` says what each is: 1 a number, 2 what a number may swallow, 0 another word for the
            one whose hash is in `into`.
        slots: By the lowest bits of a hash, 1 + its place in `words`, or 0. A power of two of them.
        number: Stands for a stretch of numbers; a token that starts with a digit or a point is one.
        hashes: Gets the hashes; the entry behind a text's last one is 0.
        new_ends: Gets where the entries of each text end.
        bags: Gets the sum of the hashes of each text that are neither numbers nor swallowed by them.
    """
    at = out = 0
    mask = np.uint64(len(slots) - 1)
    for text in range(len(ends)):
        stretch = out
        numbers = False
        bag = np.uint64(0)
        while at < ends[text] - 1:
            first = data[starts[at]]
            kind, value = 0, _START
            if 48 <= first <= 57 or first == 46:
                kind = 1
            else:
                for byte in range(starts[at], starts[at + 1] - 1):
                    value = (value ^ np.uint64(data[byte])) * _PRIME
                value = _mixed(value)
                slot = slots[value & mask]
                if slot and words[slot - 1] == value:
                    kind, value = kinds[slot - 1], into[slot - 1]
            if kind == 1:
                if not numbers:
                    numbers = True
                    hashes[stretch] = number
                    out = stretch + 1
            elif kind == 2:
                if not numbers:
                    hashes[out] = value
                    out += 1
            else:
                hashes[out] = value
                out += 1
                stretch, numbers = out, False
                bag += _mixed(value)
            at += 1
        bags[text] = bag
        hashes[out] = np.uint64(0)
        out += 1
        at += 1
        new_ends[text] = out


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

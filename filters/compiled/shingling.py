"""From tokens to distinct shingle hashes, from hashes to signatures.

A *text* is a run of bytes, a *part* is a run of texts with one set of shingles. Tokens are as `tokenising` writes them, so
that a shingle of several words is one run of bytes.
"""

import numpy as np

from filters.compiled.jit import jit

PAST = 16
"""Bytes that must be readable behind a hashed run."""

_P1, _P2, _P3 = np.uint32(2654435761), np.uint32(2246822519), np.uint32(3266489917)
_P4, _P5 = np.uint32(668265263), np.uint32(374761393)
_0, _1, _2, _3, _4, _8, _12, _16, _32 = (np.uint64(value) for value in (0, 1, 2, 3, 4, 8, 12, 16, 32))
"""Unsigned, as signed positions cost a test for negative ones at each access."""


@jit
def _word(data, at):
    return np.uint32(
        np.uint32(data[at])
        | (np.uint32(data[at + _1]) << np.uint32(8))
        | (np.uint32(data[at + _2]) << np.uint32(16))
        | (np.uint32(data[at + _3]) << np.uint32(24))
    )


@jit
def _turn(value, bits):
    return np.uint32((value << np.uint32(bits)) | (value >> np.uint32(32 - bits)))


@jit
def _round(lane, word):
    return np.uint32(_turn(np.uint32(lane + np.uint32(word * _P2)), 13) * _P1)


@jit
def xxh32(data, at, end, seed):
    """Hash a run of bytes with XXH32; `PAST` more bytes behind it are read, but do not matter.

    The tail is hashed as if it were longest and what is too much is left out by a mask: its length changes from shingle
    to shingle, and a branch on it would be guessed wrong each time.
    """
    at, end = np.uint64(at), np.uint64(end)
    size = end - at
    if size >= _16:
        lane_1 = np.uint32(seed + np.uint32(_P1 + _P2))
        lane_2 = np.uint32(seed + _P2)
        lane_3 = np.uint32(seed)
        lane_4 = np.uint32(seed - _P1)
        while at + _16 <= end:
            lane_1 = _round(lane_1, _word(data, at))
            lane_2 = _round(lane_2, _word(data, at + _4))
            lane_3 = _round(lane_3, _word(data, at + _8))
            lane_4 = _round(lane_4, _word(data, at + _12))
            at += _16
        value = np.uint32(_turn(lane_1, 1) + _turn(lane_2, 7) + _turn(lane_3, 12) + _turn(lane_4, 18))
    else:
        value = np.uint32(seed + _P5)
    value = np.uint32(value + np.uint32(size))
    for _ in range(3):
        more = np.uint32(0) - np.uint32(at + _4 <= end)
        longer = np.uint32(_turn(np.uint32(value + np.uint32(_word(data, at) * _P3)), 17) * _P4)
        value = np.uint32(value ^ ((value ^ longer) & more))
        at += _4 & np.uint64(0) - np.uint64(at + _4 <= end)
    for _ in range(3):
        more = np.uint32(0) - np.uint32(at < end)
        longer = np.uint32(_turn(np.uint32(value + np.uint32(np.uint32(data[at]) * _P5)), 11) * _P1)
        value = np.uint32(value ^ ((value ^ longer) & more))
        at += np.uint64(at < end)
    value = np.uint32((value ^ (value >> np.uint32(15))) * _P2)
    value = np.uint32((value ^ (value >> np.uint32(13))) * _P3)
    return np.uint32(value ^ (value >> np.uint32(16)))


@jit
def _hash_text(out, starts, first, tokens, width, tag, seed, hashes, count):
    """Write the hash of each shingle of a text behind the first `count`; return how many there are then."""
    last = np.uint64(first + tokens)
    shingles = np.uint64(max(1, tokens - width + 1))
    longer = np.empty(256, np.uint8) if tag else np.empty(0, np.uint8)
    for token in range(shingles):
        here = np.uint64(first) + np.uint64(token)
        at = np.uint64(starts[here])
        stop = np.uint64(starts[min(here + np.uint64(width), last)])
        end = max(at, stop - _1) if stop else at
        if tag:
            size = end - at + _1
            if size + np.uint64(PAST) > len(longer):
                longer = np.empty(2 * size + PAST, np.uint8)
            longer[0] = tag
            longer[1:size] = out[at:end]
            hashes[count] = xxh32(longer, 0, size, seed)
        else:
            hashes[count] = xxh32(out, at, end, seed)
        count += _1
    return count


@jit
def _distinct(hashes, start, end, into, table, stamp):
    """Move those of a run of hashes that the table lacks to `into`; return where they end."""
    mask, mark = np.uint64(len(table) - 1), np.uint64(stamp) << _32
    for at in range(start, end):
        value = hashes[at]
        entry = mark | np.uint64(value)
        slot = np.uint64(value) & mask
        held = table[slot]
        while held != entry and held >> _32 == np.uint64(stamp):
            slot = (slot + _1) & mask
            held = table[slot]
        table[slot] = entry
        hashes[into] = value
        into += np.uint64(held != entry)
    return into


@jit
def hash_shingles(out, starts, ends, tags, seeds, parts, width, table, hashes, offsets):
    """Write the distinct shingle hashes of each part, in order of first appearance.

    Args:
        out: Tokens as `tokenise` writes them and `PAST` more bytes; `starts` and `ends` belong to them.
        tags: A byte before each shingle of a text, 0 for none.
        seeds: Seed of each part; `parts` says where the texts of each part begin.
        width: Tokens of a shingle; a shorter text is one shingle, also an empty one.
        table: Zeros, a power of two at least twice the shingles of a part: the part's number and a hash in each.
        hashes: Room for the hashes of all shingles; `offsets` gets where those of each part begin.
    """
    count = _0
    for part in range(len(parts) - 1):
        offsets[part] = count
        for text in range(parts[part], parts[part + 1]):
            first = ends[text - 1] if text else 0
            end = _hash_text(out, starts, first, ends[text] - first - 1, width, tags[text], seeds[part], hashes, count)
            count = _distinct(hashes, count, end, count, table, part + 1)
    offsets[len(parts) - 1] = count


@jit
def permute(hashes, offsets, a, b, slots):
    """Write each part's signature, as datasketch 2.0's scheme `affine32` makes it."""
    mixed = np.empty(8, np.uint32)
    for part in range(len(offsets) - 1):
        row = slots[part]
        row[:] = np.uint32(0xFFFFFFFF)
        at, end = offsets[part], offsets[part + 1]
        while at < end:
            for index in range(8):  # the last ones are repeated to fill the eight
                value = hashes[min(at + index, end - 1)]
                value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
                value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
                mixed[index] = np.uint32(value ^ (value >> np.uint32(16)))
            h0, h1, h2, h3 = mixed[0], mixed[1], mixed[2], mixed[3]
            h4, h5, h6, h7 = mixed[4], mixed[5], mixed[6], mixed[7]
            for slot in range(len(row)):
                times, plus = a[slot], b[slot]
                least = min(row[slot], np.uint32(times * h0 + plus))
                least = min(least, np.uint32(times * h1 + plus))
                least = min(least, np.uint32(times * h2 + plus))
                least = min(least, np.uint32(times * h3 + plus))
                least = min(least, np.uint32(times * h4 + plus))
                least = min(least, np.uint32(times * h5 + plus))
                least = min(least, np.uint32(times * h6 + plus))
                row[slot] = min(least, np.uint32(times * h7 + plus))
            at += 8

"""How often lines and runs of words come back in texts, and how many different four-byte pieces they have."""

import numpy as np

from filters.compiled.jit import jit

_BASE = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0x100000001B3)
_START = np.uint64(0xCBF29CE484222325)
_0, _1, _2, _29, _32 = (np.uint64(number) for number in (0, 1, 2, 29, 32))
_BLANK, _END = np.uint8(1), np.uint8(2)


@jit
def _mixed(value):
    value = (value ^ (value >> _32)) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> _29)


@jit
def _count(key, stamp, mask, keys, counts, stamps):
    """Count a key in the slots up to `mask`; return how often it has come by now."""
    slot = (key >> _32) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + _1) & mask
    if stamps[slot] != stamp:
        stamps[slot] = stamp
        keys[slot] = key
        counts[slot] = 0
    counts[slot] += 1
    return counts[slot]


@jit
def loops(data, offsets, kinds, lower, width, word_hashes, keys, counts, stamps, measures):
    """Measure texts whose words are folded up to ASCII case.

    Args:
        data: UTF-8 bytes of all texts; `offsets` says where each begins.
        kinds: 0 for bytes of words, 1 for blanks, 2 for ends of lines.
        lower: What each byte folds to.
        width: Words of a run, for each text.
        word_hashes: Scratch for the word hashes of the longest text.
        keys: Scratch, a power of two at least twice the words of a text; `counts` and `stamps` the same.
        measures: Gets a row per text: longest run of equal lines, times of the most frequent line of three words or
            more, times of the most frequent run of words.
    """
    stamp = 0
    for text in range(len(offsets) - 1):
        at, end = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        stamp += 2
        mask = _1  # a short text needs few slots, which stay in the first-level cache
        while mask < end - at + _2:
            mask += mask
        mask -= _1
        longest = run = often = count = in_line = 0
        line = before = _0
        while at <= end:
            kind = kinds[np.uint64(data[at])] if at < end else _END
            if kind == 0:
                value = _START
                while at < end and kinds[np.uint64(data[at])] == 0:
                    value = (value ^ np.uint64(lower[np.uint64(data[at])])) * _PRIME
                    at += _1
                value = _mixed(value)
                word_hashes[count] = value
                count += 1
                in_line += 1
                line = line * _BASE + value
                continue
            if kind == _END and in_line:
                line = _mixed(line)
                run = run + 1 if line == before and run else 1
                longest = max(longest, run)
                if in_line >= 3:
                    often = max(often, _count(line, stamp, mask, keys, counts, stamps))
                before, line, in_line = line, _0, 0
            at += _1
        top, value, size, most = _1, _0, width[text], 0
        for _ in range(size - 1):
            top *= _BASE
        for word in range(count):
            if word >= size:
                value -= word_hashes[word - size] * top
            value = value * _BASE + word_hashes[word]
            if word >= size - 1:
                most = max(most, _count(_mixed(value), stamp + 1, mask, keys, counts, stamps))
        measures[text, 0], measures[text, 1], measures[text, 2] = longest, often, most


@jit
def pieces(data, offsets, seen, counts):
    """Write how many different four-byte pieces each text has, counted in 65,536 buckets (`seen`, zeros)."""
    for text in range(len(offsets) - 1):
        different = 0
        window = np.uint32(0)
        for at in range(offsets[text], offsets[text + 1]):
            window = np.uint32((window << np.uint32(8)) | np.uint32(data[at]))
            if at >= offsets[text] + 3:
                slot = np.uint64(np.uint32(window * np.uint32(2654435761)) >> np.uint32(16))
                if seen[slot] != text + 1:
                    seen[slot] = text + 1
                    different += 1
        counts[text] = different

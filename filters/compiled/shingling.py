"""From UTF-8 bytes to tokens, from tokens to distinct shingle hashes, from hashes to signatures.

A *text* is a run of bytes, a *part* is a run of texts with one set of shingles. Tokens are those of `filters.text`,
written one after the other with a space between them, so that a shingle of several words is one run of bytes.
"""

import numpy as np

from filters.compiled.characters import (
    APOSTROPHE,
    COMMA,
    DIGIT,
    DOT,
    IDEOGRAPH,
    IDEOGRAPHIC_SIGN,
    LETTER,
    MINUS,
    OTHER,
    STAR,
)
from filters.compiled.jit import jit

_SPACE = 32
_P1, _P2, _P3 = np.uint32(2654435761), np.uint32(2246822519), np.uint32(3266489917)
_1, _2, _3, _4, _8, _12, _16 = (np.uint64(value) for value in (1, 2, 3, 4, 8, 12, 16))
"""Unsigned, as signed positions cost a test for negative ones at each access."""
_P4, _P5 = np.uint32(668265263), np.uint32(374761393)


@jit
def find_special(data, offsets, special, found):
    """Mark in `found` each text with a character that only Python can fold."""
    for text in range(len(offsets) - 1):
        at, end = offsets[text], offsets[text + 1]
        while at < end:
            byte = data[at]
            if byte < 0x80:
                at += 1
            elif byte < 0xE0:
                if special[((byte & 0x1F) << 6) | (data[at + 1] & 0x3F)]:
                    found[text] = 1
                    break
                at += 2
            elif byte < 0xF0:
                if special[((byte & 0x0F) << 12) | ((data[at + 1] & 0x3F) << 6) | (data[at + 2] & 0x3F)]:
                    found[text] = 1
                    break
                at += 3
            else:
                found[text] = 1
                break


@jit
def tokenise(
    data,
    offsets,
    ready,
    drop_marks,
    fold_start,
    fold_bytes,
    fold_classes,
    kinds,
    lower,
    bytes_,
    class_,
    out,
    starts,
    ends,
):
    """Write the tokens of each text to `out`, a space after each, and where they start to `starts`.

    Args:
        data: UTF-8 bytes of all texts; `offsets` says where each begins.
        ready: 1 for a text that already is its tokens with spaces between, 2 for one that is one token as it stands.
        drop_marks: Leave out GSM8K's calculator marks, `<<3+4=7>>`.
        fold_start: `Tables.start`; `fold_bytes` and `fold_classes` are its `folded` and `classes`.
        kinds: Class of each ASCII byte; `lower` is what it folds to.
        bytes_: Scratch for the longest folded text and two bytes; `class_` the same.
        out: Room for the tokens.
        starts: Room for where tokens start, and one entry more per text for where the last one ends.
        ends: Where the entries of each text end in `starts`.
    """
    place = count = np.uint64(0)
    for text in range(len(offsets) - 1):
        at, end = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        if ready[text]:
            begun = at < end
            if begun:
                starts[count] = place
                count += _1
            while at < end:
                out[place] = data[at]
                place += _1
                if data[at] == _SPACE and ready[text] == 1:
                    starts[count] = place
                    count += _1
                at += _1
            if begun:
                out[place] = _SPACE
                place += _1
            starts[count] = place
            count += _1
            ends[text] = count
            continue
        size = _1  # one byte of class OTHER before and behind, so that neighbours may be looked at
        class_[0] = OTHER
        while at < end:
            byte = data[at]
            if byte < 0x80:
                if drop_marks and byte == 60 and at + _1 < end and data[at + _1] == 60:
                    close = at + _2
                    while close < end and data[close] != 60 and data[close] != 62:
                        close += _1
                    if close + _1 < end and data[close] == 62 and data[close + _1] == 62:
                        at = close + _2
                        continue
                bytes_[size] = lower[np.uint64(byte)]
                class_[size] = kinds[np.uint64(byte)]
                size += _1
                at += _1
                continue
            if byte < 0xE0:
                code = ((byte & 0x1F) << 6) | (data[at + _1] & 0x3F)
                at += _2
            else:
                code = ((byte & 0x0F) << 12) | ((data[at + _1] & 0x3F) << 6) | (data[at + _2] & 0x3F)
                at += _3
            for one in range(fold_start[code], fold_start[code + 1]):
                bytes_[size] = fold_bytes[one]
                class_[size] = fold_classes[one]
                size += _1
        class_[size] = OTHER
        here = _1
        while here < size:
            kind = class_[here]
            if kind == OTHER or kind == COMMA or kind == APOSTROPHE:
                here += _1
                continue
            begin = place
            if kind == LETTER:
                while True:
                    while class_[here] == LETTER or class_[here] == IDEOGRAPH:
                        out[place] = bytes_[here]
                        place += _1
                        here += _1
                    if class_[here] != APOSTROPHE or here + _1 >= size:
                        break
                    if class_[here + _1] != LETTER and class_[here + _1] != IDEOGRAPH:
                        break
                    here += _1
            elif kind == DIGIT:
                stop = here
                while class_[stop] == DIGIT:
                    stop += _1
                if stop - here <= _3 and class_[stop] == COMMA:
                    groups, close = 0, stop
                    while (
                        close + _3 < size
                        and class_[close] == COMMA
                        and class_[close + _1] == DIGIT
                        and class_[close + _2] == DIGIT
                        and class_[close + _3] == DIGIT
                    ):
                        groups += 1
                        close += _4
                    if groups and class_[close] == DIGIT:
                        groups -= 1
                        close -= _4
                    if groups:
                        stop = close
                for one in range(here, stop):
                    if class_[one] == DIGIT:
                        out[place] = bytes_[one]
                        place += _1
                here = stop
                if class_[here] == DOT and class_[here + _1] == DIGIT:
                    stop, zero = here + _1, True
                    while class_[stop] == DIGIT:
                        zero = zero and bytes_[stop] == 48
                        stop += _1
                    if not zero:
                        for one in range(here, stop):
                            out[place] = bytes_[one]
                            place += _1
                    here = stop
            elif kind == DOT:
                if class_[here + _1] != DIGIT:
                    here += _1
                    continue
                out[place] = bytes_[here]
                place += _1
                here += _1
                while class_[here] == DIGIT:
                    out[place] = bytes_[here]
                    place += _1
                    here += _1
            elif kind == IDEOGRAPH or kind == IDEOGRAPHIC_SIGN:  # three bytes, each of this class
                for one in range(here, here + _3):
                    out[place] = bytes_[one]
                    place += _1
                here += _3
            else:  # SIGN, MINUS, STAR
                before, after = class_[here - _1], class_[here + _1]
                within = kind == MINUS and (before == LETTER or before == IDEOGRAPH)
                if (within and (after == LETTER or after == IDEOGRAPH)) or (
                    kind == STAR and (before == STAR or after == STAR)
                ):
                    here += _1
                    continue
                out[place] = bytes_[here]
                place += _1
                here += _1
            starts[count] = begin
            count += _1
            out[place] = _SPACE
            place += _1
        starts[count] = place
        count += _1
        ends[text] = count


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
    """Hash a run of bytes with XXH32."""
    at, end = np.uint64(at), np.uint64(end)
    size = end - at
    if size >= _16:
        one = np.uint32(seed + np.uint32(_P1 + _P2))
        two = np.uint32(seed + _P2)
        three = np.uint32(seed)
        four = np.uint32(seed - _P1)
        while at + _16 <= end:
            one = _round(one, _word(data, at))
            two = _round(two, _word(data, at + _4))
            three = _round(three, _word(data, at + _8))
            four = _round(four, _word(data, at + _12))
            at += _16
        value = np.uint32(_turn(one, 1) + _turn(two, 7) + _turn(three, 12) + _turn(four, 18))
    else:
        value = np.uint32(seed + _P5)
    value = np.uint32(value + np.uint32(size))
    while at + _4 <= end:
        value = np.uint32(_turn(np.uint32(value + np.uint32(_word(data, at) * _P3)), 17) * _P4)
        at += _4
    while at < end:
        value = np.uint32(_turn(np.uint32(value + np.uint32(np.uint32(data[at]) * _P5)), 11) * _P1)
        at += _1
    value = np.uint32((value ^ (value >> np.uint32(15))) * _P2)
    value = np.uint32((value ^ (value >> np.uint32(13))) * _P3)
    return np.uint32(value ^ (value >> np.uint32(16)))


@jit
def hash_shingles(out, starts, ends, tags, seeds, parts, width, table, stamps, hashes, offsets):
    """Write the distinct shingle hashes of each part, in order of first appearance.

    Args:
        out: Tokens as `tokenise` writes them, with `starts` and `ends`.
        tags: A byte before each shingle of a text, 0 for none.
        seeds: Seed of each part; `parts` says where the texts of each part begin.
        width: Tokens of a shingle; a shorter text is one shingle, also an empty one.
        table: Scratch, a power of two at least twice the shingles of a part; `stamps` the same.
        hashes: Room for the hashes; `offsets` gets where those of each part begin.
    """
    count = 0
    mask = len(table) - 1
    longer = np.empty(256, np.uint8)
    for part in range(len(parts) - 1):
        offsets[part] = count
        for text in range(parts[part], parts[part + 1]):
            first = ends[text - 1] if text else 0
            tokens = ends[text] - first - 1
            for token in range(max(1, tokens - width + 1)):
                at = starts[first + token]
                end = max(at, starts[first + min(token + width, tokens)] - 1)
                if tags[text]:
                    if end - at + 1 > len(longer):
                        longer = np.empty(2 * (end - at + 1), np.uint8)
                    longer[0] = tags[text]
                    longer[1 : end - at + 1] = out[at:end]
                    value = xxh32(longer, 0, end - at + 1, seeds[part])
                else:
                    value = xxh32(out, at, end, seeds[part])
                slot = value & mask
                while stamps[slot] == part + 1 and table[slot] != value:
                    slot = (slot + 1) & mask
                if stamps[slot] != part + 1:
                    stamps[slot] = part + 1
                    table[slot] = value
                    hashes[count] = value
                    count += 1
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
            for one in range(8):  # the last ones are repeated to fill the eight
                value = hashes[min(at + one, end - 1)]
                value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
                value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
                mixed[one] = np.uint32(value ^ (value >> np.uint32(16)))
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

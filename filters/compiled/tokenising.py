"""From UTF-8 bytes to tokens: those of `filters.text`, written one after the other with a space between them.

A *text* is a run of bytes.
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

_SPACE = np.uint8(32)
_BLOCK = 64
_0, _1, _2, _3, _4 = (np.uint64(value) for value in (0, 1, 2, 3, 4))
"""Unsigned, as signed positions cost a test for negative ones at each access."""


@jit
def find_special(data, offsets, special, found):
    """Mark in `found` each text with a character that only Python can fold."""
    for text in range(len(offsets) - 1):
        at, end = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        plain = at  # up to here it was looked for a block of ASCII
        while at < end:
            if at >= plain and at + np.uint64(_BLOCK) <= end:
                high = np.uint8(0)
                for one in range(_BLOCK):  # as vectors
                    high |= data[at + np.uint64(one)]
                plain = at + np.uint64(_BLOCK)
                if high < 0x80:
                    at = plain
                    continue
            byte = data[at]
            if byte < 0x80:
                at += _1
            elif byte < 0xE0:
                if special[((byte & 0x1F) << 6) | (data[at + _1] & 0x3F)]:
                    found[text] = 1
                    break
                at += _2
            elif byte < 0xF0:
                if special[((byte & 0x0F) << 12) | ((data[at + _1] & 0x3F) << 6) | (data[at + _2] & 0x3F)]:
                    found[text] = 1
                    break
                at += _3
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
        out: Room for the tokens, and one byte.
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
        here, inside = _1, _0
        while here < size:
            kind = class_[here]
            if kind <= LETTER:  # or COMMA, OTHER. No branch on which: words are short, each wrong guess costs a word
                letter = np.uint64(kind == LETTER)
                starts[count] = place
                count += np.uint64(letter > inside)
                out[place] = bytes_[here] if letter else _SPACE
                place += letter | inside
                inside = letter
                here += _1
                continue
            if inside:
                if kind == APOSTROPHE and (class_[here + _1] == LETTER or class_[here + _1] == IDEOGRAPH):
                    here += _1
                    continue
                if kind == IDEOGRAPH:
                    out[place] = bytes_[here]
                    place += _1
                    here += _1
                    continue
                out[place] = _SPACE
                place += _1
                inside = _0
            if kind == APOSTROPHE:
                here += _1
                continue
            begin = place
            if kind == DIGIT:
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
        if inside:
            out[place] = _SPACE
            place += _1
        starts[count] = place
        count += _1
        ends[text] = count

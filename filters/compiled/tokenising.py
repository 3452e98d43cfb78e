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
_0, _1, _2, _3, _4, _5, _6, _7, _8 = (np.uint64(value) for value in range(9))
_16, _24, _32, _40, _48, _56 = (np.uint64(value) for value in (16, 24, 32, 40, 48, 56))
"""Unsigned, as signed positions cost a test for negative ones at each access."""

# Eight bytes in one word: the bit between the cases, what lifts bytes from `a` on, and from `{` on, to 0x80, and that.
_CASE, _FROM_A, _PAST_Z, _HIGH = (np.uint64(byte * 0x0101010101010101) for byte in (0x20, 0x80 - 97, 0x80 - 123, 0x80))
_PLACES = np.uint64(0x0001020304050607)


@jit
def _is_ascii(data, at, end):
    while at + np.uint64(_BLOCK) <= end:
        high = np.uint8(0)
        for ahead in range(_BLOCK):  # as vectors
            high |= data[at + np.uint64(ahead)]
        if high >= 0x80:
            return False
        at += np.uint64(_BLOCK)
    while at < end:
        if data[at] >= 0x80:
            return False
        at += _1
    return True


@jit
def _kind(source, classes, lower, at, begin, end):
    if at < begin or at >= end:
        return np.uint8(OTHER)
    if lower is None:
        return classes[at]
    return classes[np.uint64(source[at])]


@jit
def _byte(source, lower, at):
    if lower is None:
        return source[at]
    return lower[np.uint64(source[at])]


@jit
def _eight(data, at):
    """Read eight bytes as one word."""
    low = data[at] | np.uint64(data[at + _1]) << _8 | np.uint64(data[at + _2]) << _16 | np.uint64(data[at + _3]) << _24
    high = (
        data[at + _4]
        | np.uint64(data[at + _5]) << _8
        | np.uint64(data[at + _6]) << _16
        | np.uint64(data[at + _7]) << _24
    )
    return low | high << _32


@jit
def _put_eight(out, at, word):
    for index in range(8):
        out[at + np.uint64(index)] = np.uint8(word >> np.uint64(8 * index))


@jit
def _letters(word):
    """Count the ASCII letters that eight lowered ASCII bytes begin with."""
    others = ~((word + _FROM_A) & ~(word + _PAST_Z)) & _HIGH
    if others == _0:
        return _8
    lowest = others & (_0 - others)
    return ((lowest >> _7) * _PLACES) >> _56


@jit
def _cut(source, classes, lower, first, end, out, starts, position, count):
    """Write the tokens of one text.

    Args:
        source: ASCII bytes as they stand and `classes` and `lower` the tables; or folded bytes and their classes, no `lower`.
        first: Where the text begins in `source`; `end` is where it ends.
        position: Where to write in `out`; `count` in `starts`. Both are returned as they are behind the text.
    """
    here, inside = first, _0
    while here < end:
        kind = _kind(source, classes, lower, here, first, end)
        if lower is not None and kind == LETTER and here + _8 <= end:
            starts[count] = position
            count += _1 - inside
            word = _eight(source, here) | _CASE
            _put_eight(out, position, word)  # what is no letter is written over
            size = _letters(word)
            position += size
            here += size
            inside = _1
            continue
        if kind <= LETTER:  # or COMMA, OTHER. No branch on which: words are short, each wrong guess costs a word
            letter = np.uint64(kind == LETTER)
            starts[count] = position
            count += np.uint64(letter > inside)
            out[position] = _byte(source, lower, here) if letter else _SPACE
            position += letter | inside
            inside = letter
            here += _1
            continue
        if inside:
            if kind == APOSTROPHE and (
                _kind(source, classes, lower, here + _1, first, end) == LETTER
                or _kind(source, classes, lower, here + _1, first, end) == IDEOGRAPH
            ):
                here += _1
                continue
            if kind == IDEOGRAPH:
                out[position] = _byte(source, lower, here)
                position += _1
                here += _1
                continue
            out[position] = _SPACE
            position += _1
            inside = _0
        if kind == APOSTROPHE:
            here += _1
            continue
        begin = position
        if kind == DIGIT:
            stop = here
            while _kind(source, classes, lower, stop, first, end) == DIGIT:
                stop += _1
            if stop - here <= _3 and _kind(source, classes, lower, stop, first, end) == COMMA:
                groups, close = 0, stop
                while (
                    close + _3 < end
                    and _kind(source, classes, lower, close, first, end) == COMMA
                    and _kind(source, classes, lower, close + _1, first, end) == DIGIT
                    and _kind(source, classes, lower, close + _2, first, end) == DIGIT
                    and _kind(source, classes, lower, close + _3, first, end) == DIGIT
                ):
                    groups += 1
                    close += _4
                if groups and _kind(source, classes, lower, close, first, end) == DIGIT:
                    groups -= 1
                    close -= _4
                if groups:
                    stop = close
            for at in range(here, stop):
                if _kind(source, classes, lower, at, first, end) == DIGIT:
                    out[position] = _byte(source, lower, at)
                    position += _1
            here = stop
            if (
                _kind(source, classes, lower, here, first, end) == DOT
                and _kind(source, classes, lower, here + _1, first, end) == DIGIT
            ):
                stop, zero = here + _1, True
                while _kind(source, classes, lower, stop, first, end) == DIGIT:
                    zero = zero and _byte(source, lower, stop) == 48
                    stop += _1
                if not zero:
                    for at in range(here, stop):
                        out[position] = _byte(source, lower, at)
                        position += _1
                here = stop
        elif kind == DOT:
            if _kind(source, classes, lower, here + _1, first, end) != DIGIT:
                here += _1
                continue
            out[position] = _byte(source, lower, here)
            position += _1
            here += _1
            while _kind(source, classes, lower, here, first, end) == DIGIT:
                out[position] = _byte(source, lower, here)
                position += _1
                here += _1
        elif kind == IDEOGRAPH or kind == IDEOGRAPHIC_SIGN:  # three bytes, each of this class
            for at in range(here, here + _3):
                out[position] = _byte(source, lower, at)
                position += _1
            here += _3
        else:  # SIGN, MINUS, STAR
            before, after = (
                _kind(source, classes, lower, here - _1, first, end),
                _kind(source, classes, lower, here + _1, first, end),
            )
            within = kind == MINUS and (before == LETTER or before == IDEOGRAPH)
            if (within and (after == LETTER or after == IDEOGRAPH)) or (
                kind == STAR and (before == STAR or after == STAR)
            ):
                here += _1
                continue
            out[position] = _byte(source, lower, here)
            position += _1
            here += _1
        starts[count] = begin
        count += _1
        out[position] = _SPACE
        position += _1
    if inside:
        out[position] = _SPACE
        position += _1
    starts[count] = position
    return position, count + _1


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
        bytes_: Scratch for the longest folded text; `class_` the same.
        out: Room for the tokens, and one byte.
        starts: Room for where tokens start, and one entry more per text for where the last one ends.
        ends: Where the entries of each text end in `starts`.
    """
    position = count = np.uint64(0)
    for text in range(len(offsets) - 1):
        at, end = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        if ready[text]:
            begun = at < end
            if begun:
                starts[count] = position
                count += _1
            while at < end:
                out[position] = data[at]
                position += _1
                if data[at] == _SPACE and ready[text] == 1:
                    starts[count] = position
                    count += _1
                at += _1
            if begun:
                out[position] = _SPACE
                position += _1
            starts[count] = position
            count += _1
            ends[text] = count
            continue
        if not drop_marks and _is_ascii(data, at, end):
            position, count = _cut(data, kinds, lower, at, end, out, starts, position, count)
            ends[text] = count
            continue
        size = _0
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
            for entry in range(fold_start[code], fold_start[code + 1]):
                bytes_[size] = fold_bytes[entry]
                class_[size] = fold_classes[entry]
                size += _1
        position, count = _cut(bytes_, class_, None, _0, size, out, starts, position, count)
        ends[text] = count

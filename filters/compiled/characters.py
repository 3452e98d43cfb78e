"""What each character folds to and what it is to the tokeniser, as tables made with the Python functions themselves.

Compatibility normalisation depends on a character's neighbours only where combining marks or Hangul jamo are about; a
text with one of these, with a letter outside the basic plane, or with a character that folds to something much longer,
is left to Python (`SPECIAL`).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from filters.text import SAME

OTHER, COMMA, LETTER, DIGIT, IDEOGRAPH, SIGN, MINUS, STAR, APOSTROPHE, DOT, IDEOGRAPHIC_SIGN, SPECIAL = range(12)
"""Classes; those up to `LETTER` are all that most text needs. `IDEOGRAPH`: a letter of a script without spaces;
`IDEOGRAPHIC_SIGN`: in its range, but no letter."""

GROWTH = 3
"""No character of the tables folds to more than this many times its own bytes."""

_PLANE = 0x10000
_LETTER = re.compile(r"[^\W\d_]")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_STABLE = (("\u3400", "\u4dbf"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3"))  # ideographs and Hangul fold to themselves
_ASCII = {
    **dict.fromkeys("+/=<>^%", SIGN),
    **{"-": MINUS, "*": STAR, "'": APOSTROPHE, ",": COMMA, ".": DOT},
    **dict.fromkeys("0123456789", DIGIT),
}


@dataclass(frozen=True)
class Tables:
    """Folding of every character of the basic plane.

    Attributes:
        start: Where the folded bytes of a character begin in `folded`; one more entry than characters.
        folded: Folded UTF-8 bytes, character after character.
        classes: Class of each of these bytes: that of the folded character it belongs to.
        special: 1 for characters that only Python can fold.
    """

    start: npt.NDArray[np.int32]
    folded: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint8]
    special: npt.NDArray[np.uint8]


@cache
def tables() -> Tables:
    """Make the tables, once per process (a tenth of a second)."""
    start, special = np.zeros(_PLANE + 1, np.int32), np.zeros(_PLANE, np.uint8)
    folded, classes = bytearray(), bytearray()
    for code in range(_PLANE):
        classified = _fold(chr(code))
        if classified is None:
            special[code] = 1
        else:
            for character, kind in classified:
                data = character.encode()
                folded += data
                classes += bytes([kind]) * len(data)
        start[code + 1] = len(folded)
    return Tables(start, np.frombuffer(bytes(folded), np.uint8), np.frombuffer(bytes(classes), np.uint8), special)


def _fold(character: str) -> list[tuple[str, int]] | None:
    if character.isascii():
        low = character.lower()
        return [(low, _kind(low))]
    if any(first <= character <= last for first, last in _STABLE):
        return [(character, _kind(character))]
    if unicodedata.category(character) in ("Cs", "Cn"):
        return None
    steps = [character, unicodedata.normalize("NFKC", character).translate(SAME)]
    steps.append(steps[-1].casefold())
    steps.append(unicodedata.normalize("NFKC", steps[-1]))
    if any(_depends(part) for step in steps for part in step):
        return None
    classified = [(part, _kind(part)) for part in steps[-1]]
    too_long = len(steps[-1].encode()) > GROWTH * len(character.encode())
    return None if too_long or any(kind == SPECIAL for _, kind in classified) else classified


def _depends(character: str) -> bool:
    """Whether normalisation may join it to its neighbours."""
    return unicodedata.category(character).startswith("M") or 0x1100 <= ord(character) < 0x1200


def _kind(character: str) -> int:
    if character in _ASCII:
        return _ASCII[character]
    letter = _LETTER.match(character) is not None
    if not character.isascii() and (character.isdigit() or character.isdecimal()):
        return SPECIAL
    if _IDEOGRAPH.match(character):
        return IDEOGRAPH if letter else IDEOGRAPHIC_SIGN
    return LETTER if letter else OTHER


@cache
def ascii_kinds() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the class of each ASCII byte after folding, and what it folds to."""
    low = [chr(code).lower() for code in range(128)]
    return np.array([_kind(character) for character in low], np.uint8), np.array(
        [ord(character) for character in low], np.uint8
    )

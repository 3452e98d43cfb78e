"""Credentials that are never kept: what a server quotes of one is blotted out before anybody sees it.

A server may repeat its request's headers in an answer, an error or a list of models, as they came or written otherwise: with a
word before it, with the escapes of JSON, HTML, a URL or a program, in hexadecimal or base64, in capitals, broken over lines. So a
text is compared by its letters and digits alone, as they stand and as its escapes mean them. A server that means to can always
write a credential in a code of its own.
"""

import base64
import functools
import os
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "[credential]"
SHORTEST = 8
"""A credential with fewer letters and digits is a placeholder (EMPTY, none, dummy), which texts hold by chance."""
PIECE = 12
"""Letters and digits in a row that betray a longer credential; a quarter of it where that is more."""
_NAMES_ONE = re.compile(r"((^|_)(API)?KEY|TOKEN|SECRET|PASSWORD|PASSWD|AUTH_STRING|CREDENTIALS?)$", re.IGNORECASE)
_MOST_PLACES = 1000
"""A text that quotes a credential more often is blotted out as a whole."""
_ALNUM = (string.ascii_letters + string.digits).encode()
_OTHERS = bytes(code for code in range(256) if code not in _ALNUM)
_IN_SMALL = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_ESCAPES = (
    r"\\u\{([0-9a-f]{1,6})\}|\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|&#x([0-9a-f]{1,6});?|%([0-9a-f]{2})|&#([0-9]{1,7});?|\\([0-7]{3})"
    r"|\\[nrtbf0]|</?[a-z][^<>]{0,20}>|[\uff10-\uff5a]"
)
_ESCAPE = re.compile(_ESCAPES, re.IGNORECASE)
_LETTER = re.compile(rf"{_ESCAPES}|[a-z0-9]", re.IGNORECASE)
_BASES = (16, 16, 16, 16, 16, 10, 8)
"""In which base each group of such an escape writes its letter; what has no group is a break between two letters."""


def redact(text: str, credential: str | None) -> str:
    """Return a text with what it holds of a credential replaced by `[credential]`.

    Args:
        text: What a server wrote.
        credential: What was sent to it; None or a placeholder changes nothing.
    """
    spellings = _spellings(credential) if credential else ()
    if not spellings:
        return text
    for escaped in (False, True):
        read = _ESCAPE.sub(_meant, text) if escaped else text
        spans = _found(_squeezed(read), spellings) if read != text or not escaped else []
        if spans is None:
            return MARK
        if spans:
            letters = re.finditer(r"[A-Za-z0-9]", text) if not escaped else _LETTER.finditer(text)
            text = _blot(text, spans, (match for match in letters if not escaped or _squeezed(_meant(match))))
    return text


def _found(squeezed: str, spellings: "tuple[_Spelling, ...]") -> list[tuple[int, int]] | None:
    """Where a text's letters and digits hold a run of a credential; None when that is too often to be told apart."""
    spans: list[tuple[int, int]] = []
    for spelling in spellings:
        if not any(alarm in squeezed for alarm in spelling.alarms):
            continue
        for piece in spelling.pieces:
            position = squeezed.find(piece)
            while position >= 0:
                spans.append((position, position + len(piece)))
                if len(spans) > _MOST_PLACES:
                    return None
                position = squeezed.find(piece, position + 1)
    return spans


def _meant(match: re.Match[str]) -> str:
    """The letter that an escape means; nothing for a break, and a letter itself."""
    if match.lastindex is not None:
        code = int(match[match.lastindex], _BASES[match.lastindex - 1])
        return chr(code) if code < 128 else " "
    if "\uff10" <= match[0] <= "\uff5a":
        return chr(ord(match[0]) - 0xFEE0)
    return match[0] if len(match[0]) == 1 else ""


def _squeezed(text: str) -> str:
    """The letters and digits of a text in small letters, without all else; as bytes, which is ten times as fast."""
    return text.encode(errors="replace").translate(_IN_SMALL, _OTHERS).decode("ascii")


@dataclass(frozen=True, slots=True)
class _Spelling:
    """One way to write a credential, by its letters and digits.

    Attributes:
        pieces: Every run of it that is long enough to betray it.
        alarms: Few short runs, one of which stands in each piece: what is looked for first.
    """

    pieces: tuple[str, ...]
    alarms: tuple[str, ...]


def known_credentials() -> list[str]:
    """Return what the environment holds under names such as TEACHER_KEY, HF_TOKEN, PGPASSWORD; no word of every day."""
    values = {value.strip() for name, value in os.environ.items() if _NAMES_ONE.search(name)}
    return sorted(value for value in values if len(_squeezed(value)) >= PIECE)


@functools.lru_cache(maxsize=64)
def _spellings(credential: str) -> tuple[_Spelling, ...]:
    """The ways to write a credential; none for a placeholder."""
    if len(_squeezed(credential)) < SHORTEST:
        return ()
    raw = credential.encode()
    written = [credential, raw.hex(), *_in_base64(raw), *_in_base64(credential.encode("utf-16-le"))]
    spellings = []
    for letters in dict.fromkeys(map(_squeezed, written)):
        size = min(len(letters), max(PIECE, len(letters) // 4))
        half = size // 2
        pieces = dict.fromkeys(letters[start : start + size] for start in range(len(letters) - size + 1))
        alarms = dict.fromkeys(letters[start : start + half] for start in range(0, len(letters) - half + 1, half))
        spellings.append(_Spelling(tuple(pieces), tuple(alarms)))
    return tuple(spellings)


def _in_base64(raw: bytes) -> list[str]:
    """The credential in base64 behind one, two or no other bytes, without the letters that its neighbours change."""
    encoded = [base64.b64encode(b"\0" * shift + raw).decode().rstrip("=") for shift in range(3)]
    return [text[(0, 2, 3)[shift] : -1] for shift, text in enumerate(encoded)]


def _blot(text: str, spans: list[tuple[int, int]], letters: Iterable[re.Match[str]]) -> str:
    """Replace spans of the letters and digits of a text, with what stands between them."""
    places = [match.span() for match in letters]
    kept: list[str] = []
    end = 0
    for start, stop in _merged(spans):
        kept += [text[end : places[start][0]], MARK]
        end = places[stop - 1][1]
    return "".join([*kept, text[end:]])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged

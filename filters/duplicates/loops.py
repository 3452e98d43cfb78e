"""How often lines and runs of words come back in texts: measured for many texts at once, compiled or in plain Python."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from filters import compiled
from filters.duplicates.tokenised import buffers, to_array
from filters.text import clean, fold, ngrams


class Loops(NamedTuple):
    """What was counted in one text.

    Attributes:
        lines_in_a_row: Longest run of equal lines, up to case and white space, empty ones left out.
        line: Times of the most frequent line of three words or more.
        run: Times of the most frequent run of words.
        size: Bytes.
        different: Different four-byte pieces, in 65,536 buckets.
    """

    lines_in_a_row: int
    line: int
    run: int
    size: int
    different: int


def measure(texts: Sequence[str], widths: Sequence[int]) -> list[Loops]:
    """Count in each text; `widths` says how many words a run has."""
    if not compiled.enabled(sum(map(len, texts))):
        return [_plain(text, width) for text, width in zip(texts, widths, strict=True)]
    from filters.compiled.loops import loops, pieces

    data, offsets = buffers(to_array(texts))
    different = np.empty(len(texts), np.int64)
    pieces(data, offsets, np.zeros(1 << 16, np.int64), different)
    sizes = np.diff(offsets)
    folded = [text if text.isascii() else _lines(text) for text in texts]
    data, offsets = buffers(to_array(folded))
    longest = int(np.diff(offsets).max(initial=0)) // 2 + 2
    room = 1 << (2 * longest).bit_length()
    kinds, lower = _bytes()
    counts = np.empty((len(texts), 3), np.int64)
    loops(
        data, offsets, kinds, lower, np.array(widths, np.int64), np.empty(longest, np.uint64), np.empty(room, np.uint64),
        np.empty(room, np.int64), np.zeros(room, np.int64), counts,
    )  # fmt: skip
    columns = (*counts.T.tolist(), sizes.tolist(), different.tolist())
    return [Loops(*values) for values in zip(*columns, strict=True)]


def _plain(text: str, width: int) -> Loops:
    lines = [folded for line in text.splitlines() if (folded := fold(line))]
    longest = run = 0
    for before, line in zip([None, *lines], lines, strict=False):
        run = run + 1 if line == before else 1
        longest = max(longest, run)
    frequent = Counter(line for line in lines if line.count(" ") >= 2)
    words = [word for line in lines for word in line.split(" ")]
    runs = Counter(ngrams(words, width))
    data = clean(text).encode()
    return Loops(longest, max(frequent.values(), default=0), max(runs.values(), default=0), len(data), _different(data))


def _different(data: bytes) -> int:
    codes = np.frombuffer(data, np.uint8).astype(np.uint32)
    if len(codes) < 4:
        return 0
    windows = (codes[:-3] << 24) | (codes[1:-2] << 16) | (codes[2:-1] << 8) | codes[3:]
    buckets: npt.NDArray[Any] = (windows * np.uint32(2654435761)) >> np.uint32(16)
    return len(np.unique(buckets))


def _lines(text: str) -> str:
    return "\n".join(fold(line) for line in text.splitlines())


@cache
def _bytes() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Class of each byte (0 in a word, 1 blank, 2 end of line), and what it folds to."""
    kinds = np.zeros(256, np.uint8)
    for code in range(128):
        if chr(code).isspace():
            kinds[code] = 2 if len(f"a{chr(code)}b".splitlines()) == 2 else 1
    lower = np.arange(256, dtype=np.uint8)
    lower[ord("A") : ord("Z") + 1] += 32
    return kinds, lower

"""Many texts cut into tokens at once, as bytes: what the compiled kernels work on.

The tokens are those of `filters.text.tokens`. A text that holds what the kernel's tables leave to Python is cut by
that very function; a text without any token is one token, its mild normal form, so that it equals only itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.text import clean, fold, tokens

MARKS = re.compile(r"<<[^<>]*>>")
"""GSM8K's calculator marks, `<<16-3-4=9>>`, which a text may have lost."""

CHUNK = 1 << 20
"""Bytes that are worked on at a time: the second-level cache holds them."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tokens:
    """Tokens of many texts.

    Attributes:
        data: The tokens' UTF-8 bytes, a space after each.
        starts: Where each token starts, and for each text one entry more: where its last token's space ends.
        ends: Where the entries of each text end in `starts`.
        odd: 1 for a text that Python cut.
    """

    data: Bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    odd: Bytes

    def of(self, text: int) -> list[str]:
        """Return the tokens of one text (for tests and for people)."""
        first = int(self.ends[text - 1]) if text else 0
        edges = self.starts[first : int(self.ends[text])].tolist()
        return [bytes(self.data[a : b - 1]).decode() for a, b in pairwise(edges)]


def tokenise(texts: Sequence[str], *, drop_marks: bool = False) -> Tokens:
    """Cut texts into tokens with the compiled kernel.

    Args:
        texts: Any text; lone surrogates are cleaned first.
        drop_marks: Leave out GSM8K's calculator marks.
    """
    return tokenise_array(to_array(texts), drop_marks=drop_marks)


def to_array(texts: Sequence[str]) -> pa.LargeStringArray:
    """Return texts as one Arrow array, lone surrogates cleaned."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([clean(text) for text in texts], pa.large_string())


def tokenise_array(array: pa.LargeStringArray, *, drop_marks: bool = False) -> Tokens:
    """Cut the texts of an Arrow array of valid UTF-8 without nulls."""
    from filters.compiled.characters import tables
    from filters.compiled.special import find_special

    data, offsets = buffers(array)
    special = np.zeros(len(array), np.uint8)
    if _has_high(data, offsets):
        find_special(data, offsets, tables().special, special)
    ready = np.zeros(len(array), np.uint8)
    if special.any():
        array, ready = _by_python(array, ready, np.flatnonzero(special), drop_marks)
        data, offsets = buffers(array)
    cut = _run(data, offsets, ready, drop_marks)
    empty = np.flatnonzero(np.diff(cut.ends, prepend=0) == 1)
    silent = empty[offsets[empty + 1] > offsets[empty]]
    if not len(silent):
        return cut
    array, ready = _by_python(array, ready, silent, drop_marks)
    data, offsets = buffers(array)
    return _run(data, offsets, ready, drop_marks)


def split(texts: Sequence[str]) -> Tokens:
    """Read texts that already are tokens with one space between."""
    data, offsets = buffers(to_array(texts))
    return _run(data, offsets, np.ones(len(texts), np.uint8), drop_marks=False)


def buffers(array: pa.LargeStringArray) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return the bytes and the offsets of an Arrow array of large strings, without copying."""
    _, offsets, data = array.buffers()
    edges = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return (np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)), edges


def chunks(lengths: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut a sequence of sizes into runs of about `CHUNK`, at least one member each."""
    edges = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        before = int(edges[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(edges, before + CHUNK, "right")))
        yield start, stop
        start = stop


def _has_high(data: Bytes, offsets: npt.NDArray[np.int64]) -> bool:
    part = data[int(offsets[0]) : int(offsets[-1])]
    return bool(len(part)) and int(part.max()) >= 0x80


def _by_python(
    array: pa.LargeStringArray, ready: Bytes, which: npt.NDArray[np.int64], drop_marks: bool
) -> tuple[pa.LargeStringArray, Bytes]:
    texts, ready = array.to_pylist(), ready.copy()
    for index in which.tolist():
        text = MARKS.sub("", texts[index]) if drop_marks else texts[index]
        cut = tokens(text)
        texts[index] = " ".join(cut) or fold(text)
        ready[index] = 1 if cut else 2
    return pa.array(texts, pa.large_string()), ready


def _run(data: Bytes, offsets: npt.NDArray[np.int64], ready: Bytes, drop_marks: bool) -> Tokens:
    from filters.compiled.characters import GROWTH, ascii_kinds, tables
    from filters.compiled.shingling import PAST
    from filters.compiled.tokenising import tokenise as cut

    kinds, lower = ascii_kinds()
    growth = 1
    start, folded, classes = np.zeros(2, np.int32), np.zeros(1, np.uint8), np.zeros(1, np.uint8)
    if _has_high(data, offsets):
        character_tables = tables()
        start, folded, classes, growth = (
            character_tables.start,
            character_tables.folded,
            character_tables.classes,
            GROWTH,
        )
    total = int(offsets[-1] - offsets[0]) * growth
    longest = int(np.diff(offsets).max(initial=0)) * growth
    out = np.empty(2 * total + len(ready) + PAST, np.uint8)
    starts, ends = np.empty(total + 2 * len(ready) + 1, np.int64), np.empty(len(ready), np.int64)
    byte_scratch, class_scratch = np.empty(longest + 3, np.uint8), np.empty(longest + 3, np.uint8)
    cut(
        data, offsets, ready, drop_marks, start, folded, classes,
        kinds, lower, byte_scratch, class_scratch, out, starts, ends,
    )  # fmt: skip
    return Tokens(out, starts, ends, (ready > 0).view(np.uint8))

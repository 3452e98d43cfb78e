"""A quick first look: which texts might hold a benchmark item at all. What it lets pass holds none, by every rule.

Each rule of `filters.rules.decontamination` needs some run of tokens of an item to stand in the text: an 8-gram, a shorter
item as a whole, a sentence (for `reordered`), or, for `template_match`, the whole problem up to its numbers. All these
runs are hashed; a text without any of them needs no second look. A hash that is there by chance only costs that look.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.duplicates.tokenised import Tokens, buffers, chunks, split, to_array, tokenise_array
from filters.leaks.benchmark_index import BenchmarkIndex
from filters.text import CARDINALS, MASK, NUMBER_WORDS

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_WHOLE = 0  # the length that stands for whole texts
_NOTHING = np.array([2**64 - 1], np.uint64)


class Screen:
    """What stands in the items of some indexes. Needs numba.

    Args:
        indexes: The indexes that would be asked.
    """

    def __init__(self, indexes: Sequence[BenchmarkIndex]) -> None:
        self._digits = _changes(CARDINALS)
        self._masks = _changes(dict.fromkeys(NUMBER_WORDS, MASK))
        self._mask = _hash(split([MASK]))[0]
        runs: dict[int, set[str]] = {}
        for index in indexes:
            for length, text in index.needed():
                runs.setdefault(length, set()).add(text)
        self._look_for(runs)
        self._templates = _Set(_WHOLE, {text for index in indexes for text in index.templates})

    def _look_for(self, runs: Mapping[int, Iterable[str]]) -> None:
        self._runs = [_Set(length, texts) for length, texts in sorted(runs.items(), reverse=True)]

    @classmethod
    def of_runs(cls, runs: Mapping[int, Iterable[str]]) -> "Screen":
        """Look for runs of tokens, given by their length, and for nothing else."""
        screen = cls([])
        screen._look_for(runs)
        return screen

    def texts(self, texts: Sequence[str] | pa.LargeStringArray) -> Flags:
        """Say which texts might hold an item."""
        parts = []
        for tokens in _cut(texts):
            hashes, flags = _hash(tokens, self._digits), tokens.odd.copy()
            for runs in self._runs:
                runs.mark(hashes, tokens.ends, flags)
            parts.append(flags)
        return np.concatenate([np.zeros(0, np.uint8), *parts]).astype(bool)

    def problems(self, prompts: Sequence[str]) -> Flags:
        """Say which problems might be an item up to their numbers."""
        parts = []
        for tokens in _cut(prompts):
            flags = tokens.odd.copy()
            self._templates.mark(_hash(tokens, self._masks, self._mask), tokens.ends, flags)
            parts.append(flags)
        return np.concatenate([np.zeros(0, np.uint8), *parts]).astype(bool)


class _Set:
    """Runs of one length."""

    def __init__(self, length: int, texts: Iterable[str]) -> None:
        from filters.compiled.grams import fill, hash_whole

        tokens = split(sorted(texts))
        keys = np.empty(len(tokens.ends), np.uint64)
        hash_whole(_hash(tokens), tokens.ends, keys)
        size = 1 << max(6, int(4 * len(keys)).bit_length())
        self.length = length
        self.bits, self.table = np.zeros(2 * size, np.uint8), np.zeros(size, np.uint64)
        fill(keys, self.bits, self.table)

    def mark(self, hashes: Hashes, ends: npt.NDArray[np.int64], flags: npt.NDArray[np.uint8]) -> None:
        """Mark the texts that hold one."""
        from filters.compiled.grams import holds_any

        holds_any(hashes, ends, self.length, self.bits, self.table, flags)


def _cut(texts: Sequence[str] | pa.LargeStringArray) -> Iterable[Tokens]:
    array = texts if isinstance(texts, pa.LargeStringArray) else to_array(texts)
    _, edges = buffers(array)
    for start, stop in chunks(np.diff(edges)):
        yield tokenise_array(array.slice(start, stop - start), drop_marks=True)


def _hash(tokens: Tokens, changes: tuple[Hashes, Hashes] = (_NOTHING, _NOTHING), mask: int = 0) -> Hashes:
    from filters.compiled.grams import hash_tokens

    hashes = np.zeros(int(tokens.ends[-1]) + 1 if len(tokens.ends) else 1, np.uint64)
    hash_tokens(tokens.data, tokens.starts, tokens.ends, *changes, np.uint64(mask), hashes)
    return hashes


def _changes(words: Mapping[str, str]) -> tuple[Hashes, Hashes]:
    """Return the hashes of words, sorted, and what they are counted as."""
    pairs = sorted(zip(*(_words(list(side)) for side in (words.keys(), words.values())), strict=True))
    return np.array([old for old, _ in pairs], np.uint64), np.array([new for _, new in pairs], np.uint64)


def _words(words: Sequence[str]) -> list[int]:
    tokens = split(words)
    return [int(value) for value in _hash(tokens)[tokens.ends - 2]]

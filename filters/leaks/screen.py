"""A quick first look: which texts might hold a benchmark item at all. What it lets pass holds none, by every rule.

Each rule of `filters.rules.decontamination` needs some run of tokens of an item to stand in the text: an 8-gram, a shorter
item as a whole, a sentence (for `reordered`), or all of a problem's words, up to its numbers and their order. What is
looked up are the skeletons of these runs (`filters.leaks.wording`), in which all ways to write a number are one; they are
hashed, and a text without any of them needs no second look. A hash that is there by chance only costs that look.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.duplicates.tokenised import Tokens, buffers, chunks, split, to_array, tokenise_array
from filters.leaks.benchmark_index import BenchmarkIndex
from filters.leaks.wording import JOINTS, NUMBERS, OPERATORS, without_markup
from filters.text import MASK

Hashes = npt.NDArray[np.uint64]
Ends = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_WHOLE = 0  # the length that stands for whole texts
_NUMBER, _JOINT, _OTHER_WORD = 1, 2, 0
_BACKSLASH, _AMPERSAND = ord("\\"), ord("&")


class Screen:
    """What stands in the items of some indexes. Needs numba.

    Args:
        indexes: The indexes that would be asked.
        solution_coverage: Share of a solution's 8-grams above which it counts as held.
    """

    def __init__(self, indexes: Sequence[BenchmarkIndex], solution_coverage: float = 0.0) -> None:
        self._skeletons = _Skeletons()
        runs: dict[int, set[str]] = {}
        for index in indexes:
            for length, run in index.needed(solution_coverage):
                runs.setdefault(length, set()).add(run)
        self._runs = [_Set(length, sorted(of_length)) for length, of_length in sorted(runs.items(), reverse=True)]
        bags = [text for index in indexes for text in [*index.templates, *index.bags]]
        self._bags = np.unique(self._skeletons(split(bags))[2])

    def texts(self, texts: Sequence[str] | pa.LargeStringArray) -> Flags:
        """Say which texts might hold an item, or be one up to their numbers."""
        parts = []
        for tokens in _cut(texts):
            hashes, ends, bags = self._skeletons(tokens)
            flags = tokens.odd.copy()
            for runs in self._runs:
                runs.mark(hashes, ends, flags)
            parts.append(flags.astype(bool) | np.isin(bags, self._bags))
        return np.concatenate([np.zeros(0, bool), *parts])


class _Set:
    """Runs of one length."""

    def __init__(self, length: int, runs: Sequence[str]) -> None:
        from filters.compiled.grams import fill, hash_whole

        tokens = split(runs)
        keys = np.empty(len(tokens.ends), np.uint64)
        hash_whole(_hash(tokens), tokens.ends, keys)
        size = 1 << max(6, int(4 * len(keys)).bit_length())
        self.length = length
        self.bits, self.table = np.zeros(2 * size, np.uint8), np.zeros(size, np.uint64)
        fill(keys, self.bits, self.table)

    def mark(self, hashes: Hashes, ends: Ends, flags: npt.NDArray[np.uint8]) -> None:
        """Mark the texts that hold one."""
        from filters.compiled.grams import holds_any

        holds_any(hashes, ends, self.length, self.bits, self.table, flags)


class _Skeletons:
    """Hashes of the skeletons of many texts."""

    def __init__(self) -> None:
        kinds = dict.fromkeys(NUMBERS, _NUMBER) | dict.fromkeys(JOINTS, _JOINT) | dict.fromkeys(OPERATORS, _OTHER_WORD)
        words = sorted(kinds)
        self._words, self._into = _words(words), _words([OPERATORS.get(word, word) for word in words])
        self._kinds = np.array([kinds[word] for word in words], np.uint8)
        self._slots = _slots(self._words)
        self._number = _words([MASK])[0]

    def __call__(self, tokens: Tokens) -> tuple[Hashes, Ends, Hashes]:
        """Return the hashes, where those of each text end, and one hash of all words of each text in any order."""
        from filters.compiled.grams import hash_skeletons

        count = len(tokens.ends)
        hashes = np.zeros(int(tokens.ends[-1]) + 1 if count else 1, np.uint64)
        ends, bags = np.empty(count, np.int64), np.empty(count, np.uint64)
        hash_skeletons(
            tokens.data, tokens.starts, tokens.ends, self._words, self._slots, self._kinds, self._into, self._number,
            hashes, ends, bags,
        )  # fmt: skip
        return hashes, ends, bags


def _cut(texts: Sequence[str] | pa.LargeStringArray) -> Iterable[Tokens]:
    array = texts if isinstance(texts, pa.LargeStringArray) else to_array(texts)
    array = _without_markup(array)
    _, edges = buffers(array)
    for start, stop in chunks(np.diff(edges)):
        yield tokenise_array(array.slice(start, stop - start), drop_marks=True)


def _without_markup(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the texts as `without_markup` leaves them; most have no sign of any, which one look at the bytes says."""
    data, edges = buffers(array)
    used = data[int(edges[0]) : int(edges[-1])]
    signs = np.flatnonzero((used == _BACKSLASH) | (used == _AMPERSAND))
    if not len(signs):
        return array
    marked = np.zeros(len(array), bool)
    marked[np.searchsorted(edges, signs + edges[0], "right") - 1] = True
    plain = [without_markup(array[index].as_py()) for index in np.flatnonzero(marked).tolist()]
    return pc.replace_with_mask(array, marked, to_array(plain))


def _hash(tokens: Tokens) -> Hashes:
    from filters.compiled.grams import hash_tokens

    hashes = np.zeros(int(tokens.ends[-1]) + 1 if len(tokens.ends) else 1, np.uint64)
    hash_tokens(tokens.data, tokens.starts, tokens.ends, hashes)
    return hashes


def _slots(hashes: Hashes) -> npt.NDArray[np.uint8]:
    """Return a table of 1 + the place of each hash, by so many of its lowest bits that no two of them share an entry."""
    size = 1 << 12
    while len(np.unique(hashes & np.uint64(size - 1))) < len(hashes):
        size *= 2
    slots = np.zeros(size, np.uint8)
    slots[hashes & np.uint64(size - 1)] = np.arange(1, len(hashes) + 1)
    return slots


def _words(words: Sequence[str]) -> Hashes:
    tokens = split(words)
    return _hash(tokens)[tokens.ends - 2]

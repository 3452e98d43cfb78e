"""MinHash sketches of rows: what is shingled, how it is hashed, and what two sketches say about two rows.

A row has two parts, what was *given* (the problem, an attempt) and what is *learned*. Each has a sketch of its own, and
two rows are as similar as the less similar of their parts: two solutions of one long problem are no duplicates, nor are
two problems with one short solution. The element-wise minimum of both sketches is the sketch of the whole row. As the
parts are hashed with different seeds, two rows whose parts both reach a similarity reach it as a whole: banding by it
loses none.

Where a task's canonical structure is exact (`exact_structure`), the structure salts every shingle: rows about different
problems share nothing, however alike their template, and are never compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import xxhash

from filters.base import Context
from filters.rows import Row
from filters.text import fold, ngrams, tokens
from synth.problems.base import Problem

SLOTS = 128
SHINGLE = 5
SEED = 1
EXACT_STRUCTURE = frozenset({"arithmetic", "knights_knaves"})
"""Tasks whose canonical structure says exactly whether two problems are the same."""
SCHEME = f"affine32-xxh32-seed{SEED}-k{SLOTS}x2-w{SHINGLE}-parts1"
"""How a sketch was made. Sketches of another scheme cannot be compared with these."""

_AT_ONCE = 4096
"""Hashes that are permuted at a time: the second-level cache holds them."""

Array = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What near-duplicate search needs of a row.

    Attributes:
        given: Distinct shingle hashes of what was given, sorted.
        learned: Distinct shingle hashes of what is learned, sorted.
        slots: Signature of `given`, then of `learned`, `SLOTS` each.
    """

    given: Array
    learned: Array
    slots: Array


def shingles(text: str) -> list[str]:
    """Return the word 5-grams of a text, numbers kept; a shorter text is one shingle."""
    words = tokens(text)
    return ngrams(words, SHINGLE) or [" ".join(words) or fold(text)]


def hash_shingles(texts: Iterable[tuple[str, str]], seed: int) -> Array:
    """Hash the shingles of tagged texts (`tag`, `text`); a tag keeps equal words in different places apart."""
    hashes = {
        xxhash.xxh32_intdigest((tag + shingle).encode(), seed=seed) for tag, text in texts for shingle in shingles(text)
    }
    return np.array(sorted(hashes), dtype=np.uint32)


@cache
def permutations() -> tuple[Array, Array]:
    """Return the factors (odd) and summands of datasketch's permutations (scheme `affine32`)."""
    generator = np.random.RandomState(SEED)
    factors = generator.randint(0, 1 << 31, SLOTS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, generator.randint(0, 1 << 32, SLOTS, dtype=np.uint32)


def minhashes(hashes: Array, offsets: npt.NDArray[np.int64]) -> Array:
    """Return the signature of each of many sets of 32-bit shingle hashes, as datasketch 2.0 makes it.

    Args:
        hashes: The sets, one after the other.
        offsets: Where each set begins, and where the last one ends.
    """
    mixed = hashes ^ (hashes >> np.uint32(16))
    mixed = mixed * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    slots = np.full((len(offsets) - 1, SLOTS), 0xFFFFFFFF, np.uint32)
    filled = np.flatnonzero(np.diff(offsets))
    factors, summands = (column[:, None] for column in permutations())
    start = 0
    while start < len(filled):
        stop = start + 1
        while stop < len(filled) and offsets[filled[stop] + 1] - offsets[filled[start]] <= _AT_ONCE:
            stop += 1
        sets = filled[start:stop]
        first = offsets[sets[0]]
        permuted = factors * mixed[first : offsets[sets[-1] + 1]] + summands
        slots[sets] = np.minimum.reduceat(permuted, offsets[sets] - first, axis=1).T
        start = stop
    return slots


def minhash(hashes: Array) -> Array:
    """Return the signature of a set of 32-bit shingle hashes."""
    signature: Array = minhashes(hashes, np.array([0, len(hashes)]))[0]
    return signature


def parts(
    row: Row, context: Context, exact_structure: frozenset[str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], int]:
    """Return the tagged texts of what was given and of what is learned, and the seed of the former; the latter's is one more."""
    problem = context.problems.get(row.problem_id or "")
    exact = problem if problem is not None and problem.task in exact_structure else None
    salt = int(exact.structure_id[:8], 16) & ~1 if exact else 0
    return _given(row, problem, exact=exact is not None), _learned(row), salt


def sketch(row: Row, context: Context, exact_structure: frozenset[str]) -> Sketch:
    """Sketch one row."""
    before, after, salt = parts(row, context, exact_structure)
    given, learned = hash_shingles(before, salt), hash_shingles(after, salt | 1)
    return Sketch(given, learned, np.concatenate([minhash(given), minhash(learned)]))


def _given(row: Row, problem: Problem | None, *, exact: bool) -> list[tuple[str, str]]:
    """The problem without the template around it, and the turns and the attempt that the answer builds on."""
    asked = row.asked
    if problem is not None and (not asked or problem.prompt in asked):
        asked = "" if exact else problem.prompt
    before = [content for role, content in row.messages if role == "assistant" and content != row.learned]
    attempts = [row.notes.attempt.text] if row.notes.attempt else []
    return [("", asked), *(("a", text) for text in (*before, *attempts))]


def _learned(row: Row) -> list[tuple[str, str]]:
    tagged = [
        ("", row.learned),
        ("r", row.rejected),
        ("t", row.text),
        ("s", "\n".join(s or "" for s in row.steps or ())),
    ]
    return [(tag, text) for tag, text in tagged if text] or [("", "")]


def jaccard(a: Array, b: Array) -> float:
    """Similarity of two sets of shingle hashes: shared by all. Two empty sets are equal."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared) if len(a) or len(b) else 1.0


def similarity(a: Sketch, b: Sketch) -> float:
    """Exact similarity of two rows: that of the less similar part."""
    return exact_similarity(a.given, a.learned, b.given, b.learned)


def exact_similarity(given: Array, learned: Array, other_given: Array, other_learned: Array) -> float:
    """Exact similarity of two rows from the sets of shingle hashes of their parts."""
    alike = jaccard(learned, other_learned)
    return min(alike, jaccard(given, other_given)) if alike else 0.0


def whole(slots: Array) -> Array:
    """Signatures of whole rows, from an array whose last axis holds both parts."""
    return np.minimum(slots[..., :SLOTS], slots[..., SLOTS:])


def estimate(a: Array, b: Array) -> npt.NDArray[np.float64]:
    """Similarity of rows as their signatures tell it: the smaller share of equal slots of both parts."""
    equal = a == b
    shares: npt.NDArray[np.float64] = np.minimum(equal[..., :SLOTS].mean(axis=-1), equal[..., SLOTS:].mean(axis=-1))
    return shares

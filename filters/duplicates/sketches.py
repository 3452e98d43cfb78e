"""Sketches of many sets of texts at once: distinct shingle hashes and MinHash signatures, compiled where possible.

`sketch_rows` is for rows, whose two parts hold several texts each; `sketch_texts` is for plain texts. Both are bit-identical to
`filters.duplicates.sketch.hash_shingles` and `minhashes`, and so to datasketch 2.0 (scheme `affine32`, hash XXH32).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters import compiled
from filters.base import Context
from filters.duplicates.sketch import SHINGLE, SLOTS, hash_shingles, minhashes, parts, permutations, whole
from filters.duplicates.tokenised import buffers, chunks, to_array, tokenise_array
from filters.rows import Row

Array = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]
Part = Sequence[tuple[str, str]]
"""Texts that share one set of shingles, each with the tag (one ASCII letter or nothing) that keeps it apart."""


@dataclass(frozen=True)
class Sketches:
    """Sketches of many parts.

    Attributes:
        hashes: Distinct shingle hashes, part after part, in no order within a part.
        offsets: Where the hashes of each part begin.
        slots: One signature per part.
    """

    hashes: Array
    offsets: Offsets
    slots: Array

    @property
    def whole(self) -> Array:
        """Signatures of whole rows, each of which is two parts."""
        return whole(self.slots.reshape(len(self.slots) // 2, 2 * SLOTS))

    def of(self, part: int) -> Array:
        """Return the distinct shingle hashes of one part, sorted."""
        return np.sort(self.hashes[int(self.offsets[part]) : int(self.offsets[part + 1])])


def sketch_parts(groups: Sequence[Part], seeds: Sequence[int]) -> Sketches:
    """Sketch parts, each with a hash seed of its own."""
    if not compiled.enabled(sum(len(text) for part in groups for _, text in part)):
        return _plain([hash_shingles(part, seed) for part, seed in zip(groups, seeds, strict=True)])
    texts = to_array([text for part in groups for _, text in part])
    tags = np.array([ord(tag) if tag else 0 for part in groups for tag, _ in part], np.uint8)
    edges = np.cumsum([0, *map(len, groups)], dtype=np.int64)
    return _compiled(texts, tags, edges, np.array(seeds, np.uint32))


def sketch_rows(rows: Sequence[Row], context: Context, exact_structure: frozenset[str]) -> Sketches:
    """Sketch rows: two parts each, what was given and what is learned."""
    texts: list[Part] = []
    seeds: list[int] = []
    for row in rows:
        given, learned, salt = parts(row, context, exact_structure)
        texts += [given, learned]
        seeds += [salt, salt | 1]
    return sketch_parts(texts, seeds)


def sketch_texts(texts: pa.Array | Sequence[str], seed: int = 0) -> Sketches:
    """Sketch plain texts, each as one part."""
    size = texts.nbytes if isinstance(texts, pa.Array) else sum(map(len, texts))
    if not compiled.enabled(size):
        plain = texts.to_pylist() if isinstance(texts, pa.Array) else texts
        return _plain([hash_shingles([("", text)], seed) for text in plain])
    array = texts.cast(pa.large_string()) if isinstance(texts, pa.Array) else to_array(texts)
    count = len(array)
    return _compiled(array, np.zeros(count, np.uint8), np.arange(count + 1), np.full(count, seed, np.uint32))


def _plain(sets: Sequence[Array]) -> Sketches:
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    hashes = np.concatenate([np.zeros(0, np.uint32), *sets])
    return Sketches(hashes, offsets, minhashes(hashes, offsets))


def _compiled(texts: pa.LargeStringArray, tags: npt.NDArray[np.uint8], edges: Offsets, seeds: Array) -> Sketches:
    """Work on runs of parts that fit the cache; a part is never cut."""
    from filters.compiled.shingling import hash_shingles as distinct
    from filters.compiled.shingling import permute

    _, places = buffers(texts)
    a, b = permutations()
    slots = np.empty((len(seeds), SLOTS), np.uint32)
    pieces, sizes = [np.zeros(0, np.uint32)], np.zeros(len(seeds) + 1, np.int64)
    for start, stop in chunks(np.diff(places[edges])):
        members = edges[start : stop + 1]
        cut = tokenise_array(texts.slice(int(members[0]), int(members[-1] - members[0])))
        per_part = np.add.reduceat(np.diff(cut.ends, prepend=0), members[:-1] - members[0])
        room = 1 << int(2 * per_part.max(initial=1)).bit_length()
        table = np.zeros(room, np.uint64)
        hashes = np.empty(int(per_part.sum()) + len(per_part), np.uint32)
        offsets = np.empty(stop - start + 1, np.int64)
        distinct(
            cut.data, cut.starts, cut.ends, tags[members[0] : members[-1]], seeds[start:stop], members - members[0],
            SHINGLE, table, hashes, offsets,
        )  # fmt: skip
        permute(hashes, offsets, a, b, slots[start:stop])
        pieces.append(hashes[: int(offsets[-1])].copy())
        sizes[start + 1 : stop + 1] = np.diff(offsets)
    return Sketches(np.concatenate(pieces), np.cumsum(sizes), slots)

"""Near duplicates within one night, however many rows it has: the same rows are kept as if all were looked at in one go.

Rows are sketched block by block, in as many processes as there are. Then band keys are shared out by their value: each share
says which rows it holds together, because they share a key and their signatures agree enough to be compared, or because they
share a key with more rows than a bucket takes. Rows that nothing holds together cannot meet; so each group of rows that hang
together is decided by itself (`filters.duplicates.first_wins`), in the order of ids, and neither blocks nor shares change who came
first. In memory are one share's keys, and one batch of groups; a group is not cut, so a night in which everything resembles
everything needs 2 KB a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from filters.base import Context
from filters.duplicates.banding import BANDS, Keys, band_keys
from filters.duplicates.first_wins import Duplicates, Flags, first_wins, least_equal
from filters.duplicates.history import group
from filters.duplicates.sketch import SLOTS, whole
from filters.duplicates.sketches import Sketches, sketch_rows
from filters.row_blocks import Block, RowBlocks
from filters.rows import Row
from storage.atomic import atomic_file, atomic_folder
from storage.history.run import Entries, Run, write_run
from storage.ids import digest
from storage.spreading import Spread

SHARE_KEYS = 2_000_000
"""Band keys of one share; ours: 100 MB with what sorting them needs."""
_PAIRS = 50_000  # compared at a time
_BATCH = 20_000  # rows of groups that are decided together

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SketchedBlock:
    """Sketches of rows that follow each other by id: two parts each."""

    sketches: Sketches
    keys: Keys


class SketchedNight(Sequence[SketchedBlock]):
    """Sketches of a night in files, of which one block at a time is read.

    Args:
        folder: Where they lie.
        blocks: The rows.
    """

    def __init__(self, folder: Path, blocks: Sequence[Block]) -> None:
        self.folder = folder
        self.runs = [folder / f"run-{number:05d}" for number in range(len(blocks))]
        self.starts = np.cumsum([0, *(block.size for block in blocks)])

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, number: int) -> SketchedBlock:  # type: ignore[override]
        run = Run.open(self.runs[number])
        return SketchedBlock(_sketches(run, np.arange(run.rows)), run.keys())

    def take(self, rows: Numbers) -> tuple[Sketches, Keys]:
        """Return sketches and band keys of some rows, by their numbers in the night, ascending."""
        pieces: list[Sketches] = []
        keys: list[Keys] = []
        for number, local in _by_block(self.starts, rows):
            run = Run.open(self.runs[number])
            pieces.append(_sketches(run, local))
            keys.append(run.keys()[local])
        sizes = np.concatenate([np.diff(piece.offsets) for piece in pieces])
        hashes, slots = np.concatenate([piece.hashes for piece in pieces]), np.concatenate([p.slots for p in pieces])
        return Sketches(hashes, np.cumsum([0, *sizes], dtype=np.int64), slots), np.concatenate(keys)


def sketch_night(rows: Sequence[Row], context: Context, exact_structure: frozenset[str]) -> Sequence[SketchedBlock]:
    """Sketch a night's rows: a large night's in files beside its blocks, where what is there already is not made again."""
    if not isinstance(rows, RowBlocks) or rows.folder is None:
        sketches = sketch_rows(rows, context, exact_structure)
        return [SketchedBlock(sketches, keys_of(rows, sketches))]
    folder = rows.folder / f"sketches-{digest(sorted(exact_structure), length=8)}"
    folder.mkdir(exist_ok=True)
    night = SketchedNight(folder, rows.blocks)
    open_blocks = [
        (block, run, exact_structure) for block, run in zip(rows.blocks, night.runs, strict=True) if not run.exists()
    ]
    for _ in context.spread(sketch_block, open_blocks):
        pass
    return night


def sketch_block(block: Block, target: Path, exact_structure: frozenset[str]) -> None:
    """Sketch a block into a folder, which is there when it is whole."""
    rows = block.rows()
    sketches = sketch_rows(rows, Context(problems=block.problems_by_id()), exact_structure)
    sets = [sketches.of(part) for part in range(2 * len(rows))]
    ends = np.cumsum([len(hashes) for hashes in sets], dtype=np.uint64)
    slots = sketches.slots.reshape(len(rows), 2 * SLOTS)
    nothing = [""] * len(rows)
    entries = Entries(
        nothing,
        nothing,
        np.zeros((len(rows), 2), np.uint64),
        keys_of(rows, sketches),
        slots,
        [np.zeros(0, np.uint32), *sets],
        ends,
    )
    with atomic_folder(target) as making:
        write_run(entries, making)


def keys_of(rows: Sequence[Row], sketches: Sketches) -> Keys:
    """Return the band keys of sketched rows."""
    return band_keys(sketches.whole, [group(row.method, row.task) for row in rows])


def first_of_night(
    night: Sequence[SketchedBlock],
    may: Flags,
    skip: Flags,
    *,
    threshold: float,
    cap: int,
    spread: Spread,
    shares: int | None = None,
) -> Duplicates:
    """Find duplicates among the rows of a night, as `first_wins` finds them.

    Args:
        night: From `sketch_night`.
        may: 1 for a row that may stand for its duplicates.
        skip: 1 for a row that is not to be looked at.
        threshold: Similarity of both parts from which on a row is a duplicate.
        cap: Most rows of one bucket.
        spread: Where the shares are worked on.
        shares: How many there are; None means as many as keep each small.
    """
    if not isinstance(night, SketchedNight):
        (block,) = night
        return first_wins(block.sketches, block.keys, may, skip, threshold=threshold, cap=cap)
    count = len(may)
    least, shares = least_equal(threshold), shares or -(-count * BANDS // SHARE_KEYS)
    work = [
        (night.runs, share, shares, least, cap, night.folder / f"together-{least}-{cap}-{share}-of-{shares}.npy")
        for share in range(shares)
    ]
    edges = np.zeros((0, 2), np.int64)
    for of_share in spread(hold_together, work):
        edges = _forest(np.concatenate([edges, of_share]), count)  # never more than a pair for each row
    kept, similarity, full = np.full(count, -1, np.int64), np.zeros(count), 0
    for rows in _groups(edges, count):
        sketches, keys = night.take(rows)
        part = first_wins(sketches, keys, may[rows], skip[rows], threshold=threshold, cap=cap)
        kept[rows] = np.where(part.kept >= 0, rows[part.kept], -1)
        similarity[rows] = part.similarity
        full += part.full
    return Duplicates(kept, similarity, full)


def hold_together(runs: Sequence[Path], share: int, shares: int, least: int, cap: int, target: Path) -> Numbers:
    """Return which rows one share of the band keys holds together, and keep it in a file; what is there is only read.

    Args:
        runs: Sketches of the blocks.
        share: Number of the share.
        shares: How many there are; the values of keys are cut into as many ranges of one size.
        least: Equal slots from which on two rows of a bucket are compared.
        cap: Most rows that a bucket takes.
        target: The file.

    Returns:
        Pairs of rows, by their numbers in the night; those of a group are joined with its first row.
    """
    if target.exists():
        edges: Numbers = np.load(target)
        return edges
    opened = [Run.open(folder) for folder in runs]
    starts = np.cumsum([0, *(run.rows for run in opened)])
    low, high = (share << 64) // shares, ((share + 1 << 64) // shares) - 1
    parts = [run.keys_between(low, high) for run in opened]
    keys = np.concatenate([keys for keys, _ in parts])
    rows = np.concatenate([rows + start for (_, rows), start in zip(parts, starts[:-1], strict=True)])
    del parts
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(first, len(keys)))
    pairs = [_crowded(rows, first[sizes > cap], sizes[sizes > cap])]
    for left, right in _buckets(rows, first, sizes, cap):
        alike = _agree(opened, starts, left, right, least)
        pairs.append(np.stack([left[alike], right[alike]], axis=1))
    edges = _forest(np.concatenate(pairs), int(starts[-1]))
    with atomic_file(target) as making, making.open("wb") as file:
        np.save(file, edges)
    return edges


def _crowded(rows: Numbers, first: Numbers, sizes: Numbers) -> Numbers:
    """Join the rows of buckets that overflow."""
    pieces = [
        np.stack([np.full(size, rows[start]), rows[start : start + size]], axis=1)
        for start, size in zip(first.tolist(), sizes.tolist(), strict=True)
    ]
    return np.concatenate([np.zeros((0, 2), np.int64), *pieces])


def _buckets(rows: Numbers, first: Numbers, sizes: Numbers, cap: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the pairs of rows of buckets that do not overflow, not too many at a time."""
    for size in np.unique(sizes[(sizes > 1) & (sizes <= cap)]).tolist():
        left, right = np.triu_indices(size, 1)
        starts, at_once = first[sizes == size], max(1, _PAIRS // len(left))
        for begin in range(0, len(starts), at_once):
            members = rows[starts[begin : begin + at_once, None] + np.arange(size)]
            pairs = np.unique(np.stack([members[:, left].ravel(), members[:, right].ravel()], axis=1), axis=0)
            yield pairs[:, 0], pairs[:, 1]


def _agree(runs: Sequence[Run], starts: Numbers, left: Numbers, right: Numbers, least: int) -> npt.NDArray[np.bool_]:
    """Say of which pairs enough slots agree."""
    wanted = np.unique(np.concatenate([left, right]))
    slots = np.empty((len(wanted), SLOTS), np.uint32)
    done = 0
    for number, local in _by_block(starts, wanted):
        for part, both in runs[number].slots(local):
            slots[done + part.start : done + part.start + len(both)] = whole(both)
        done += len(local)
    left, right = np.searchsorted(wanted, left), np.searchsorted(wanted, right)
    equal = np.empty(len(left), bool)
    for start in range(0, len(left), 16_384):
        part = slice(start, start + 16_384)
        equal[part] = (slots[left[part]] == slots[right[part]]).sum(axis=1) >= least
    return equal


def _forest(pairs: Numbers, count: int) -> Numbers:
    """Reduce pairs to one for each row of a group but its first."""
    labels = _labels(pairs, count)
    rows = np.unique(pairs)
    _, index, back = np.unique(labels[rows], return_index=True, return_inverse=True)
    edges = np.stack([rows[index][back], rows], axis=1)
    between: Numbers = edges[edges[:, 0] != edges[:, 1]]
    return between


def _labels(pairs: Numbers, count: int) -> Numbers:
    matrix = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels: Numbers = connected_components(matrix, directed=False)[1]
    return labels


def _groups(edges: Numbers, count: int) -> Iterator[Numbers]:
    """Yield the rows of whole groups, ascending, some thousands at a time."""
    rows = np.unique(edges)
    if not len(rows):
        return
    labels = _labels(edges, count)[rows]
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(labels[order]) != 0, True)) + 1
    begin = 0
    for end in ends.tolist():
        if end - begin >= _BATCH or end == len(rows):
            yield np.sort(rows[order[begin:end]])
            begin = end


def _by_block(starts: Numbers, rows: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Yield ascending rows of a night by block, as numbers within it."""
    cuts = np.searchsorted(rows, starts)
    for number, (begin, end) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        if end > begin:
            yield number, rows[begin:end] - starts[number]


def _sketches(run: Run, rows: Numbers) -> Sketches:
    slots = np.concatenate([part for _, part in run.slots(rows)]).reshape(2 * len(rows), SLOTS)
    sets = [hashes for both in run.sets(rows.tolist()) if both is not None for hashes in both]
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    return Sketches(np.concatenate([np.zeros(0, np.uint32), *sets]), offsets, slots)

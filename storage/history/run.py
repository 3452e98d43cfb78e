"""One sorted run of the history index: band keys, digests of normal forms and signatures of many rows.

    bands.u64, band_rows.u32                    keys of each band, sorted, and the rows they belong to
    exact.u64, exact_rest.u64, exact_rows.u32   both halves of each normal form's digest, sorted by the first
    slots.u32                                   signatures
    shingles.u32, shingle_ends.u64              the shingle hashes themselves, two sorted sets per row
    ids.bytes, id_ends.u64, night.u32           sample ids; number of the night in run.json
    run.json                                    what there should be, with digests; written last

Pages that were looked at are given back to the system after each band: a look-up among ten million rows holds 30 MB, among the
band keys of a hundred million up to 640 MB of file pages for a moment, as the system maps 2 MB at a time where it can.
"""

import json
import mmap
import os
import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.history.search import equal_range
from storage.ids import file_hash

_READ = ("slots.u32", "shingles.u32")  # piece by piece, not mapped
_ROWS = 4096  # signatures read at a time

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Entries:
    """Rows to be indexed.

    Attributes:
        ids: Sample ids.
        nights: The night of each.
        exact: Digest of each normal form, as two numbers.
        bands: Band keys.
        slots: Signatures, in one or several blocks.
        shingles: Shingle hashes, two sets per row, in one or several blocks; nothing where they are not known.
        ends: Where each set ends in `shingles`.
    """

    ids: Sequence[str]
    nights: Sequence[str]
    exact: U64
    bands: U64
    slots: U32 | Sequence[U32]
    shingles: U32 | Sequence[U32] = ()
    ends: U64 = field(default_factory=lambda: np.zeros(0, np.uint64))


class Run:
    """One sorted run, in memory (`Run.of`) or on disk (`Run.open`).

    Attributes:
        rows: How many rows it has.
        columns: Its columns by the names of their files, mapped where it is on disk.
        nights: Names of its nights, sorted.
        folder: Where it lies; None in memory.
    """

    def __init__(self, columns: dict[str, Any], nights: Sequence[str], rows: int, folder: Path | None = None) -> None:
        self.rows = rows
        self.folder = folder
        self.columns = columns
        self.nights = nights
        self._files: dict[str, int] = {}

    @classmethod
    def of(cls, entries: Entries) -> "Run":
        """Make a run in memory."""
        columns = {name: np.concatenate(blocks) for name, blocks in _columns(entries)}
        nights = sorted(set(entries.nights))
        columns["night.u32"] = _numbers(entries.nights, nights)
        return cls(columns, nights, len(entries.ids))

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run on disk.

        Raises:
            ValueError: A file is missing or has another size than `run.json` says.
        """
        try:
            record = json.loads((folder / "run.json").read_text())
            columns: dict[str, Any] = {}
            for name, shape in record["shapes"].items():
                type_ = _type(name)
                size = int(np.prod(shape)) * type_.itemsize
                if (folder / name).stat().st_size != size:
                    raise ValueError(f"{folder / name} has not {size} bytes")
                if not size:
                    columns[name] = np.zeros(shape, type_)
                    continue
                mapped: Any = np.memmap(folder / name, type_, "r", shape=tuple(shape))
                mapped._mmap.madvise(mmap.MADV_RANDOM)
                columns[name] = mapped
            run = cls(columns, record["nights"], record["rows"], folder)
            for name in _READ:
                if name in columns:
                    run._hold(name)
            return run
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{folder}: {error}") from error

    def _hold(self, name: str) -> None:
        """Keep a file open that is read piece by piece: another night may merge this run, and remove it, meanwhile."""
        assert self.folder is not None
        self._files[name] = os.open(self.folder / name, os.O_RDONLY)
        weakref.finalize(self, os.close, self._files[name])

    def candidates(
        self, keys: U64, cap: int, least_bands: int = 1
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """Find the rows that share bands with queries.

        Args:
            keys: Band keys of the queries.
            cap: Most rows of a bucket that are looked at.
            least_bands: Bands that must be shared.

        Returns:
            Pairs of query and row, each once and sorted, and how many buckets held more than `cap` rows.
        """
        pairs, full = [np.zeros(0, np.int64)], 0
        for band in range(keys.shape[1]):
            order = np.argsort(keys[:, band], kind="stable")
            wanted = keys[order, band]
            column = self.columns["bands.u64"][band]
            left, right = equal_range(column, wanted)
            forget(column)
            full += int((right - left > cap).sum())
            counts = np.minimum(right - left, cap)
            places = np.repeat(left, counts) + _counted(counts)
            numbers = self.columns["band_rows.u32"][band]
            rows = numbers[places].astype(np.int64)
            forget(numbers)
            pairs.append(np.repeat(order, counts) * self.rows + rows)
        pairs_found, shared = np.unique(np.concatenate(pairs), return_counts=True)
        pairs_found = pairs_found[shared >= least_bands]
        return pairs_found // max(1, self.rows), pairs_found % max(1, self.rows), full

    def keys_between(self, low: int, high: int) -> tuple[U64, npt.NDArray[np.int64]]:
        """Return the band keys from `low` to `high`, both included, and the row of each."""
        keys, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        for band, column in enumerate(self.columns["bands.u64"]):
            left = int(np.searchsorted(column, np.uint64(low), "left"))
            right = int(np.searchsorted(column, np.uint64(high), "right"))
            keys.append(np.array(column[left:right]))
            rows.append(self.columns["band_rows.u32"][band, left:right].astype(np.int64))
        self._forget("bands.u64")
        self._forget("band_rows.u32")
        return np.concatenate(keys), np.concatenate(rows)

    def keys(self) -> U64:
        """Return the band keys of every row, in the order of the rows."""
        column = self.columns
        keys = np.empty((self.rows, column["bands.u64"].shape[0]), np.uint64)
        for band in range(keys.shape[1]):
            keys[column["band_rows.u32"][band], band] = column["bands.u64"][band]
        self._forget("bands.u64")
        self._forget("band_rows.u32")
        return keys

    def same(self, exact: U64) -> Iterator[tuple[int, int]]:
        """Yield pairs of query and row whose digests are equal."""
        order = np.argsort(exact[:, 0], kind="stable")
        wanted = exact[order, 0]
        column = self.columns["exact.u64"]
        left, right = equal_range(column, wanted)
        self._forget("exact.u64")
        for index in np.flatnonzero(right > left).tolist():
            query = int(order[index])
            for position in range(int(left[index]), int(right[index])):
                if self.columns["exact_rest.u64"][position] == exact[query, 1]:
                    yield query, int(self.columns["exact_rows.u32"][position])
        self._forget("exact_rest.u64")

    def slots(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[slice, U32]]:
        """Yield the signatures of rows, a few thousand at a time."""
        column = self.columns["slots.u32"]
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            if self.folder is None:
                yield part, column[rows[part]]
                continue
            wanted, index_of = np.unique(rows[part], return_inverse=True)
            sketches, size = np.empty((len(wanted), column.shape[1]), np.uint32), 4 * column.shape[1]
            for index, row in enumerate(wanted.tolist()):  # mapped, each row would bring its neighbours along
                os.preadv(self._files["slots.u32"], [sketches[index].data], row * size)
            yield part, sketches[index_of]

    def sets(self, rows: Sequence[int]) -> Iterator[tuple[U32, U32] | None]:
        """Yield both sets of shingle hashes of rows; None where they are not known."""
        ends, column = self.columns["shingle_ends.u64"], self.columns["shingles.u32"]
        if not len(ends):
            yield from (None for _ in rows)
            return
        file = self._files.get("shingles.u32")
        for row in rows:
            first = int(ends[2 * row - 1]) if row else 0
            middle, last = int(ends[2 * row]), int(ends[2 * row + 1])
            hashes = column[first:last] if file is None else np.empty(last - first, np.uint32)
            if file is not None and last > first:
                os.preadv(file, [hashes.data], 4 * first)
            yield hashes[: middle - first], hashes[middle - first :]
        self._forget("shingle_ends.u64")

    def id(self, row: int) -> str:
        """Return the sample id of a row."""
        ends = self.columns["id_ends.u64"]
        first = int(ends[row - 1]) if row else 0
        return bytes(self.columns["ids.bytes"][first : int(ends[row])]).decode()

    def night(self, row: int) -> str | None:
        """Return the night of a row."""
        return self.nights[int(self.columns["night.u32"][row])] or None

    def _forget(self, name: str) -> None:
        forget(self.columns[name])


def forget(column: Any) -> None:
    """Give the pages of a mapped column, or of a part of one, back to the system."""
    mapped = getattr(column, "_mmap", None)
    if mapped is None or not column.nbytes:
        return
    start = column.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
    first = start // mmap.PAGESIZE * mmap.PAGESIZE
    mapped.madvise(mmap.MADV_DONTNEED, first, start + column.nbytes - first)


def write_run(entries: Entries, folder: Path, **more: str) -> Run:
    """Write a run to a folder, which is made anew, and open it; `more` goes into its `run.json`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nights = sorted(set(entries.nights))
    shapes = {}
    for name, blocks in [*_columns(entries), ("night.u32", [_numbers(entries.nights, nights)])]:
        with (folder / name).open("wb") as file:
            for block in blocks:
                np.ascontiguousarray(block).tofile(file)
        shapes[name] = [sum(map(len, blocks)), *blocks[0].shape[1:]]
    record = {**more, "rows": len(entries.ids), "nights": nights, "shapes": shapes}
    return sealed(folder, record)


def sealed(folder: Path, record: Mapping[str, Any]) -> Run:
    """Write the `run.json` of a run whose files are there, with a digest of each, and open it."""
    hashes = {name: file_hash(folder / name) for name in record["shapes"]}
    (folder / "run.json").write_text(json.dumps({**record, "hashes": hashes}, indent=1) + "\n")
    return Run.open(folder)


def changed_files(folder: Path) -> list[str]:
    """Return which files of a run are not what they were when it was written; one of an older version has no digests.

    Raises:
        OSError: A file cannot be read.
    """
    hashes = json.loads((folder / "run.json").read_text()).get("hashes") or {}
    return [name for name, digest in hashes.items() if file_hash(folder / name) != digest]


def _columns(entries: Entries) -> Iterator[tuple[str, Sequence[npt.NDArray[Any]]]]:
    order = np.argsort(entries.bands, axis=0, kind="stable")
    yield "bands.u64", [np.ascontiguousarray(np.take_along_axis(entries.bands, order, axis=0).T)]
    yield "band_rows.u32", [np.ascontiguousarray(order.T.astype(np.uint32))]
    by_digest = np.argsort(entries.exact[:, 0], kind="stable")
    yield "exact.u64", [entries.exact[by_digest, 0]]
    yield "exact_rest.u64", [entries.exact[by_digest, 1]]
    yield "exact_rows.u32", [by_digest.astype(np.uint32)]
    yield "slots.u32", _blocks(entries.slots)
    yield "shingles.u32", _blocks(entries.shingles)
    yield "shingle_ends.u64", [entries.ends]
    names = [name.encode() for name in entries.ids]
    yield "ids.bytes", [np.frombuffer(b"".join(names), np.uint8)]
    yield "id_ends.u64", [np.cumsum([len(name) for name in names], dtype=np.uint64)]


def _blocks(given: U32 | Sequence[U32]) -> Sequence[U32]:
    return [given] if isinstance(given, np.ndarray) else given or [np.zeros(0, np.uint32)]


def _counted(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, ... for each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)


def _numbers(nights: Sequence[str], names: Sequence[str]) -> U32:
    number = {name: index for index, name in enumerate(names)}
    return np.array([number[night] for night in nights], np.uint32)


def _type(name: str) -> np.dtype[Any]:
    return np.dtype({"u64": np.uint64, "u32": np.uint32, "bytes": np.uint8}[name.rpartition(".")[2]])

"""An index over the signatures of every row ever accepted, beside the lake: found again without being loaded.

    index/<scheme>/run-<first>-<last>/   rows of the commits first..last, immutable; run.json is written last
        bands.u64, band_rows.u32         keys of each band, sorted, and the rows they belong to
        exact.u64, exact_rest.u64, exact_rows.u32   both halves of each normal form's digest, sorted by the first
        slots.u32                        signatures
        ids.bytes, id_ends.u64, night.u32           sample ids; number of the night in run.json

It holds nothing that the lake does not: a lost or damaged one is made again. Pages that were looked at are given back to
the system at once, so that a look-up needs a few megabytes whatever the index holds.
"""

import json
import mmap
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storage.ids import digest
from storage.lake import Lake

MOST_RUNS = 8
"""With more runs than this the two neighbours with the fewest rows become one."""

_BATCH = 200_000  # rows of one run while the index is made again
_PAGES = 256  # signatures read between two times that pages are given back

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
        slots: Signatures.
    """

    ids: Sequence[str]
    nights: Sequence[str]
    exact: U64
    bands: U64
    slots: U32


Reader = Callable[[pa.Table], Entries]
"""Turns rows of the lake's `signatures`, with a column `night`, into entries."""


class Run:
    """One sorted run, in memory (`Run.of`) or on disk (`Run.open`)."""

    def __init__(self, columns: dict[str, Any], nights: Sequence[str], rows: int) -> None:
        self.rows = rows
        self._columns = columns
        self._nights = nights

    @classmethod
    def of(cls, entries: Entries) -> "Run":
        """Make a run in memory."""
        columns = dict(_columns(entries))
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
            said = json.loads((folder / "run.json").read_text())
            columns: dict[str, Any] = {}
            for name, shape in said["shapes"].items():
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
            return cls(columns, said["nights"], said["rows"])
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{folder}: {error}") from error

    def candidates(self, keys: U64, cap: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """Find the rows that share a band with queries.

        Returns:
            Pairs of query and row, each once and sorted, and how many buckets held more than `cap` rows.
        """
        pairs, full = [np.zeros(0, np.int64)], 0
        for band in range(keys.shape[1]):
            order = np.argsort(keys[:, band], kind="stable")
            wanted = keys[order, band]
            column = self._columns["bands.u64"][band]
            left, right = np.searchsorted(column, wanted, "left"), np.searchsorted(column, wanted, "right")
            self._forget("bands.u64")
            hit = np.flatnonzero(right > left)
            full += int((right[hit] - left[hit] > cap).sum())
            for query, first, last in zip(order[hit], left[hit], np.minimum(right, left + cap)[hit], strict=True):
                rows = self._columns["band_rows.u32"][band, first:last].astype(np.int64)
                pairs.append(int(query) * self.rows + rows)
        self._forget("band_rows.u32")
        found = np.unique(np.concatenate(pairs))
        return found // max(1, self.rows), found % max(1, self.rows), full

    def same(self, exact: U64) -> Iterator[tuple[int, int]]:
        """Yield pairs of query and row whose digests are equal."""
        order = np.argsort(exact[:, 0], kind="stable")
        wanted = exact[order, 0]
        column = self._columns["exact.u64"]
        left, right = np.searchsorted(column, wanted, "left"), np.searchsorted(column, wanted, "right")
        self._forget("exact.u64")
        for index in np.flatnonzero(right > left).tolist():
            query = int(order[index])
            for place in range(int(left[index]), int(right[index])):
                if self._columns["exact_rest.u64"][place] == exact[query, 1]:
                    yield query, int(self._columns["exact_rows.u32"][place])
        self._forget("exact_rest.u64")

    def slots(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[slice, U32]]:
        """Yield the signatures of rows, a few hundred at a time."""
        for start in range(0, len(rows), _PAGES):
            part = slice(start, start + _PAGES)
            found = np.array(self._columns["slots.u32"][rows[part]])
            self._forget("slots.u32")
            yield part, found

    def id(self, row: int) -> str:
        """Return the sample id of a row."""
        ends = self._columns["id_ends.u64"]
        first = int(ends[row - 1]) if row else 0
        return bytes(self._columns["ids.bytes"][first : int(ends[row])]).decode()

    def night(self, row: int) -> str | None:
        """Return the night of a row."""
        return self._nights[int(self._columns["night.u32"][row])] or None

    def entries(self) -> Entries:
        """Return everything in it, in the order of its rows."""
        column = self._columns
        bands = np.empty((self.rows, column["bands.u64"].shape[0]), np.uint64)
        for band in range(bands.shape[1]):
            bands[column["band_rows.u32"][band], band] = column["bands.u64"][band]
        exact = np.empty((self.rows, 2), np.uint64)
        exact[column["exact_rows.u32"], 0] = column["exact.u64"]
        exact[column["exact_rows.u32"], 1] = column["exact_rest.u64"]
        ids = [self.id(row) for row in range(self.rows)]
        nights = [self._nights[number] for number in column["night.u32"].tolist()]
        return Entries(ids, nights, exact, bands, column["slots.u32"])

    def _forget(self, name: str) -> None:
        column: Any = self._columns[name]
        if isinstance(column, np.memmap):
            column._mmap.madvise(mmap.MADV_DONTNEED)


class HistoryIndex:
    """The runs of one scheme.

    Args:
        lake: The lake; the index stands in `index/` of its workspace.
        scheme: How signatures are made. Rows of another scheme are not indexed.
        read: Turns rows of `signatures` into entries.

    Attributes:
        runs: The runs, oldest first.
        left_out: Rows of other schemes that the last refresh met.
    """

    def __init__(self, lake: Lake, scheme: str, read: Reader) -> None:
        self.runs: list[Run] = []
        self.left_out = 0
        self._lake = lake
        self._scheme = scheme
        self._read = read
        self._folder = lake.workspace.root / "index" / digest("history index 1", scheme, length=12)

    def refresh(self) -> None:
        """Index what was committed since, and merge small runs; make everything again when something is damaged."""
        with self._lake.workspace.lock("history-index"):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                names = self._names()
                self._check(names)
                self.runs = [Run.open(self._folder / name) for _, _, name in names]
            except ValueError:
                shutil.rmtree(self._folder)
                self._folder.mkdir(parents=True)
                names, self.runs = [], []
            self.left_out = 0
            self._append(names[-1][1] if names else 0)
            self._merge()

    def _names(self) -> list[tuple[int, int, str]]:
        found = []
        for folder in self._folder.iterdir():
            parts = folder.name.split("-")
            if parts[0] == "run" and (folder / "run.json").exists():
                found.append((int(parts[1]), int(parts[2]), folder.name))
            else:
                shutil.rmtree(folder)  # of a process that died while it wrote
        found.sort(key=lambda item: (item[0], -item[1]))
        kept: list[tuple[int, int, str]] = []
        for item in found:  # a merged run makes those inside it superfluous
            if kept and item[1] <= kept[-1][1]:
                shutil.rmtree(self._folder / item[2])
            else:
                kept.append(item)
        return kept

    def _check(self, names: Sequence[tuple[int, int, str]]) -> None:
        """Raise ValueError unless the runs follow each other and end with a commit that the lake still has."""
        for (_, before, _), (first, _, name) in zip([(0, 0, ""), *names], names, strict=False):
            if first != before + 1:
                raise ValueError(f"commits before {name} are missing")
        if names:
            last = json.loads((self._folder / names[-1][2] / "run.json").read_text()).get("commit")
            if not self._lake.query(
                "select 1 from commits where seq = ? and commit_id = ?", [names[-1][1], last]
            ).num_rows:
                raise ValueError("the lake is another one")

    def _append(self, done: int) -> None:
        commits = self._lake.rows(
            "select commit_id, seq, night, kind, rows from commits where seq > ? order by seq", [done]
        )
        batch: list[dict[str, Any]] = []
        for index, commit in enumerate(commits):
            batch.append(commit)
            rows = sum(item["rows"] for item in batch if item["kind"] == "curate")
            if rows >= _BATCH or index == len(commits) - 1:
                self._add(batch, done + 1)
                done, batch = commit["seq"], []

    def _add(self, commits: Sequence[dict[str, Any]], first: int) -> None:
        wanted = [commit["commit_id"] for commit in commits if commit["kind"] == "curate"]
        if not wanted:
            return
        nights = {commit["commit_id"]: commit["night"] or "" for commit in commits}
        table = self._lake.query(
            "select * from signatures where commit_id in (select unnest(?::varchar[])) order by sample_id", [wanted]
        )
        same = [scheme == self._scheme for scheme in table["scheme"].to_pylist()]
        self.left_out += len(same) - sum(same)
        table = table.filter(pa.array(same, pa.bool_()))
        if not table.num_rows:
            return
        table = table.append_column(
            "night", pa.array([nights[one] for one in table["commit_id"].to_pylist()], pa.string())
        )
        last = commits[-1]
        self.runs.append(self._write(self._read(table), first, last["seq"], last["commit_id"]))

    def _merge(self) -> None:
        while len(self.runs) > MOST_RUNS:
            names = self._names()
            at = min(range(len(names) - 1), key=lambda index: self.runs[index].rows + self.runs[index + 1].rows)
            left, right = self.runs[at].entries(), self.runs[at + 1].entries()
            merged = Entries(
                [*left.ids, *right.ids],
                [*left.nights, *right.nights],
                np.concatenate([left.exact, right.exact]),
                np.concatenate([left.bands, right.bands]),
                np.concatenate([left.slots, right.slots]),
            )
            commit = json.loads((self._folder / names[at + 1][2] / "run.json").read_text())["commit"]
            self.runs[at : at + 2] = [self._write(merged, names[at][0], names[at + 1][1], commit)]
            for _, _, name in names[at : at + 2]:
                shutil.rmtree(self._folder / name)

    def _write(self, entries: Entries, first: int, last: int, commit: str) -> Run:
        folder = self._folder / f"run-{first}-{last}"
        making = self._folder / f"making-{first}-{last}"
        write_run(entries, making, commit=commit, scheme=self._scheme)
        making.rename(folder)
        return Run.open(folder)


def write_run(entries: Entries, folder: Path, **more: str) -> Run:
    """Write a run to a folder, which is made anew, and open it; `more` goes into its `run.json`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nights = sorted(set(entries.nights))
    shapes = {}
    for name, column in [*_columns(entries), ("night.u32", _numbers(entries.nights, nights))]:
        np.ascontiguousarray(column).tofile(folder / name)
        shapes[name] = list(column.shape)
    said = {**more, "rows": len(entries.ids), "nights": nights, "shapes": shapes}
    (folder / "run.json").write_text(json.dumps(said, indent=1) + "\n")
    return Run.open(folder)


def _columns(entries: Entries) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    order = np.argsort(entries.bands, axis=0, kind="stable")
    yield "bands.u64", np.ascontiguousarray(np.take_along_axis(entries.bands, order, axis=0).T)
    yield "band_rows.u32", np.ascontiguousarray(order.T.astype(np.uint32))
    place = np.argsort(entries.exact[:, 0], kind="stable")
    yield "exact.u64", entries.exact[place, 0]
    yield "exact_rest.u64", entries.exact[place, 1]
    yield "exact_rows.u32", place.astype(np.uint32)
    yield "slots.u32", entries.slots
    names = [name.encode() for name in entries.ids]
    yield "ids.bytes", np.frombuffer(b"".join(names), np.uint8)
    yield "id_ends.u64", np.cumsum([len(name) for name in names], dtype=np.uint64)


def _numbers(nights: Sequence[str], names: Sequence[str]) -> U32:
    number = {name: index for index, name in enumerate(names)}
    return np.array([number[night] for night in nights], np.uint32)


def _type(name: str) -> np.dtype[Any]:
    return np.dtype({"u64": np.uint64, "u32": np.uint32, "bytes": np.uint8}[name.rpartition(".")[2]])

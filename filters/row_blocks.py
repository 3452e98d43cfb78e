"""The rows of a night in the order of their ids, in blocks of which one at a time is in memory.

A night filter sees them as a sequence of rows and may go through it as often as it likes; what it keeps of each row is what its
memory grows by. A night of one block is held as it is, in tables; one of several lies in files.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from filters.night_ids import NightIds
from filters.rows import Row, read_rows
from storage.atomic import atomic_file
from synth.problems.base import Problem
from synth.sample import problem_of


@dataclass(frozen=True)
class Block:
    """Rows that follow each other by id. Each attribute is a table, or the Parquet file that holds it.

    Attributes:
        size: How many rows it has.
        samples: The rows.
        problems: Problems that they are about.
        verdicts: What filters have said of them before.
    """

    size: int
    samples: pa.Table | Path
    problems: pa.Table | Path
    verdicts: pa.Table | Path

    def columns(self, *names: str) -> pa.Table:
        """Return columns of `samples`."""
        return (
            self.samples.select(names)
            if isinstance(self.samples, pa.Table)
            else pq.read_table(self.samples, columns=list(names))
        )

    def rows(self) -> list[Row]:
        """Return the rows, in the order of their ids."""
        return read_rows(_table(self.samples))

    def problems_by_id(self) -> dict[str, Problem]:
        """Return the problems."""
        return {row["problem_id"]: problem_of(row) for row in _table(self.problems).to_pylist()}

    def said(self) -> pa.Table:
        """Return what filters have said before."""
        return _table(self.verdicts)

    def samples_of(self, ids: pa.ChunkedArray) -> pa.Table:
        """Return the rows of some ids."""
        return _table(self.samples).filter(pc.is_in(self.columns("sample_id")["sample_id"], ids))


def _table(given: pa.Table | Path) -> pa.Table:
    return given if isinstance(given, pa.Table) else pq.read_table(given)


class RowBlocks(Sequence[Row]):
    """The rows of a night.

    Args:
        blocks: The blocks, in the order of their ids.
        folder: Where they lie, and where work on them may leave files; None when there is one block, in memory.

    Attributes:
        blocks: The blocks.
        folder: The folder.
        problems: Problems by id: those of the block whose rows are being read.
    """

    def __init__(self, blocks: Sequence[Block], folder: Path | None = None) -> None:
        self.blocks, self.folder = blocks, folder
        self.problems: dict[str, Problem] = {}
        self._number, self._rows = -1, list[Row]()
        self._ids: NightIds | None = None
        if blocks:
            self.of(0)

    def of(self, number: int) -> list[Row]:
        """Return the rows of a block; its problems are at hand then."""
        if number != self._number:
            self._rows = []  # not two blocks at once
            self.problems.clear()
            self._rows = self.blocks[number].rows()
            self.problems.update(self.blocks[number].problems_by_id())
            self._number = number
        return self._rows

    def ids(self) -> NightIds:
        """Return the ids of all rows; the same object each time."""
        if self._ids is None:
            self._ids = NightIds(block.columns("sample_id")["sample_id"].to_pylist() for block in self.blocks)
        return self._ids

    def shelf(self, name: str) -> "Shelf":
        """Return a shelf for tables about the rows."""
        return Shelf(self.folder, name)

    def __len__(self) -> int:
        return sum(block.size for block in self.blocks)

    def __iter__(self) -> Iterator[Row]:
        for number in range(len(self.blocks)):
            yield from self.of(number)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        for number, block in enumerate(self.blocks):
            if place < block.size:
                return self.of(number)[place]
            place -= block.size
        raise IndexError(index)


class Shelf:
    """Tables about the blocks of a night, some for each block: in memory for a night of one block, else in files.

    Args:
        folder: Where the files lie; None keeps the tables.
        name: Begins the files' names.
    """

    def __init__(self, folder: Path | None, name: str) -> None:
        self._folder, self._name = folder, name
        self._parts: list[tuple[int, pa.Table | Path]] = []

    def add(self, number: int, table: pa.Table) -> None:
        """Add a table about a block."""
        if self._folder is None:
            self._parts.append((number, table))
            return
        path = self._folder / f"{self._name}-{len(self._parts):06d}.parquet"
        with atomic_file(path) as making:
            pq.write_table(table, making)
        self._parts.append((number, path))

    def of(self, number: int) -> list[pa.Table]:
        """Return the tables about a block, in the order in which they were added."""
        return [_table(part) for block, part in self._parts if block == number]

    def everything(self) -> pa.Table | ds.Dataset:
        """Return all rows of all tables, to be read table by table."""
        tables = [part for _, part in self._parts if isinstance(part, pa.Table)]
        return pa.concat_tables(tables) if tables else ds.dataset([part for _, part in self._parts])


def ids_of(rows: Sequence[Row]) -> Sequence[str]:
    """Return the sample ids of rows; those of a night in files as `NightIds`, without reading the rows."""
    if isinstance(rows, RowBlocks) and rows.folder is not None:
        return rows.ids()
    return [sys.intern(sample_id) for sample_id in _column(rows, "sample_id")]


def nights_of(rows: Sequence[Row]) -> list[str | None]:
    """Return the nights of rows; those of a night without reading the rows."""
    return [night and sys.intern(night) for night in _column(rows, "night")]


def in_blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield rows block by block; rows in a list are one block."""
    if isinstance(rows, RowBlocks):
        yield from (rows.of(number) for number in range(len(rows.blocks)))
    elif rows:
        yield rows


def _column(rows: Sequence[Row], name: str) -> Iterator[Any]:
    if not isinstance(rows, RowBlocks):
        return (getattr(row, name) for row in rows)
    return (value for block in rows.blocks for value in block.columns(name)[name].to_pylist())

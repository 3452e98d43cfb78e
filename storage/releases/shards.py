"""The Parquet files of a release: written in one pass and bounded memory, never rewritten, each with its hash."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.ids import file_hash

SHARD_BYTES = 512 << 20
"""Bytes in memory after which a file is closed and the next one begun; compressed it is a fifth or less of that."""
_THREADS = 2
_GROUP_BYTES = 16 << 20
"""Bytes of one method that wait for a row group of their own."""


@dataclass(slots=True)
class _File:
    """A file that is being written."""

    path: Path
    writer: pq.ParquetWriter
    rows: int = 0
    bytes: int = 0
    pending: Future[None] | None = None

    def settle(self) -> None:
        """Wait for what is being written.

        Raises:
            OSError: It could not be written.
        """
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()


class ShardWriter:
    """Writes rows to `data/<group>-00000.parquet`, a file per value of one column and per `SHARD_BYTES`.

    Groups are compressed and written in threads, a piece of a group at a time: pyarrow lets the others go on meanwhile.

    Args:
        root: Folder that holds `data/`.
        column: Column whose values name the files.
        shard_bytes: Bytes in memory per file.
        folder: Name of the folder of the files.
        stem: What a file's name begins with; `{}` is the group.
        keep: Whether that column stands in the files.
    """

    def __init__(
        self,
        root: Path,
        column: str = "method",
        shard_bytes: int = SHARD_BYTES,
        *,
        folder: str = "data",
        stem: str = "{}",
        keep: bool = True,
    ) -> None:
        self._folder, self._column, self._limit = root / folder, column, shard_bytes
        self._stem, self._keep = stem, keep
        self._waiting: dict[str, list[pa.Table]] = {}
        self._bytes: dict[str, int] = {}
        self._open: dict[str, _File] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="shards")
        self._numbers: dict[str, int] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self._folder.mkdir(parents=True)

    def write(self, rows: pa.Table | pa.RecordBatch, order: pa.Array | None = None) -> None:
        """Add rows, in the order of these numbers of theirs."""
        column = rows[self._column]
        encoded = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).dictionary_encode()
        codes = encoded.indices.to_numpy()
        numbers = np.arange(len(codes)) if order is None else order.to_numpy()
        for code, group in enumerate(encoded.dictionary.to_pylist()):
            part = rows.take(pa.array(numbers[codes[numbers] == code]))
            self._waiting.setdefault(group, []).append(
                pa.Table.from_batches([part]) if isinstance(part, pa.RecordBatch) else part
            )
            self._bytes[group] = self._bytes.get(group, 0) + part.nbytes
            if self._bytes[group] >= min(_GROUP_BYTES, self._limit):
                self._flush(group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of files that were not finished, as on a full disk; pyarrow would try again when they are collected."""
        self._threads.shutdown()
        for file in self._open.values():
            with suppress(OSError):
                file.writer.close()
            file.writer.is_open = False

    def close(self) -> dict[str, dict[str, Any]]:
        """Write what waits, and return rows and SHA-256 of every file by its name."""
        for group in sorted(self._waiting):
            self._flush(group)
        for group in sorted(self._open):
            self._end(group)
        return self.files

    def _flush(self, group: str) -> None:
        waiting = self._waiting.pop(group, [])
        size = self._bytes.pop(group, 0)
        if not waiting:
            return
        table = pa.concat_tables(waiting)
        table = table if self._keep else table.drop_columns([self._column])
        file = self._open.get(group) or self._begin(group, table.schema)
        file.rows, file.bytes = file.rows + table.num_rows, file.bytes + size
        self._write(file, table)
        if file.bytes >= self._limit:
            self._end(group)

    def _write(self, file: _File, table: pa.Table) -> None:
        """Write in a thread; what waits for one is held in memory, so that little may."""
        file.settle()
        pending = [other for other in self._open.values() if other.pending is not None]
        if len(pending) >= 2 * _THREADS:
            pending[0].settle()
        file.pending = self._threads.submit(file.writer.write_table, table)

    def _begin(self, group: str, schema: pa.Schema) -> _File:
        number = self._numbers.get(group, 0)
        self._numbers[group] = number + 1
        path = self._folder / f"{self._stem.format(_plain(group))}-{number:05d}.parquet"
        self._open[group] = _File(path, pq.ParquetWriter(path, schema, compression="zstd"))
        return self._open[group]

    def _end(self, group: str) -> None:
        file = self._open[group]
        file.settle()
        file.writer.close()
        del self._open[group]
        file.path.chmod(file.path.stat().st_mode & 0o444)
        self.files[f"{file.path.parent.name}/{file.path.name}"] = {
            "rows": file.rows,
            "bytes": file.path.stat().st_size,
            "sha256": file_hash(file.path),
        }


def read_batches(
    files: Iterable[Path], columns: list[str] | None = None, rows: int = 10_000
) -> Iterator[pa.RecordBatch]:
    """Read Parquet files one after another, in batches."""
    for path in files:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(rows, columns=columns)


def _plain(name: str) -> str:
    """A method's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)

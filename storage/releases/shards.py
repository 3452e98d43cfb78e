"""The Parquet files of a release: written in one pass and bounded memory, never rewritten, each with its hash."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.ids import file_hash
from storage.messages import chat_of

SHARD_BYTES = 512 << 20
"""Bytes in memory after which a file is closed and the next one begun; compressed it is a fifth or less of that."""
_GROUP_BYTES = 16 << 20
"""Bytes of one method that wait for a row group of their own."""
CONTENT = ("sample_id", "messages", "response", "rejected", "text", "steps", "labels")
"""Columns that the content hash covers."""


class ContentHash:
    """Digest of rows that come in the order of their ids, a JSON line each."""

    def __init__(self) -> None:
        self._total = hashlib.sha256()

    def add(self, lines: bytes) -> None:
        """Add rows, as `content_lines` writes them."""
        self._total.update(lines)

    def hexdigest(self) -> str:
        """Return the digest of the rows so far."""
        return self._total.hexdigest()


def content_lines(rows: pa.Table | pa.RecordBatch) -> bytes:
    """Return rows as the content hash covers them, a JSON line each."""
    return b"".join(map(content_line, rows.select(list(CONTENT)).to_pylist()))


def content_line(row: Mapping[str, Any]) -> bytes:
    """Return a row, the columns of `CONTENT`, as a JSON line."""
    row = {**row, "messages": None if row["messages"] is None else chat_of(row["messages"])}
    return json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n"


class ShardWriter:
    """Writes rows to `data/<group>-00000.parquet`, a file per value of one column and per `SHARD_BYTES`.

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
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._bytes: dict[str, int] = {}
        self._open: dict[str, tuple[Path, pq.ParquetWriter, int, int]] = {}
        self._numbers: dict[str, int] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self._folder.mkdir(parents=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        for group in pc.unique(batch[self._column]).to_pylist():
            part = batch.filter(pc.equal(batch[self._column], group))
            self._waiting.setdefault(group, []).append(part)
            self._bytes[group] = self._bytes.get(group, 0) + part.nbytes
            if self._bytes[group] >= min(_GROUP_BYTES, self._limit):
                self._flush(group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of files that were not finished, as on a full disk; pyarrow would try again when they are collected."""
        for _, writer, *_ in self._open.values():
            with suppress(OSError):
                writer.close()
            writer.is_open = False

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
        table = pa.Table.from_batches(waiting)
        table = table if self._keep else table.drop_columns([self._column])
        if group not in self._open:
            number = self._numbers.get(group, 0)
            self._numbers[group] = number + 1
            path = self._folder / f"{self._stem.format(_plain(group))}-{number:05d}.parquet"
            self._open[group] = (path, pq.ParquetWriter(path, table.schema, compression="zstd"), 0, 0)
        path, writer, rows, written = self._open[group]
        writer.write_table(table)
        self._open[group] = (path, writer, rows + table.num_rows, written + size)
        if written + size >= self._limit:
            self._end(group)

    def _end(self, group: str) -> None:
        path, writer, rows, _ = self._open[group]
        writer.close()
        del self._open[group]
        path.chmod(path.stat().st_mode & 0o444)
        self.files[f"{path.parent.name}/{path.name}"] = {
            "rows": rows,
            "bytes": path.stat().st_size,
            "sha256": file_hash(path),
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

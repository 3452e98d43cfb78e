"""Sorts more rows than fit in memory: one pass into buckets on disk by known boundaries, then bucket after bucket in memory.

DuckDB's own external sort pins the strings of wide rows while it merges, and fails under a small memory limit; with the
boundaries known (the ids alone are small), a bucket sort is one linear pass and needs the memory of one bucket.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BUCKET_ROWS = 20_000
"""Rows per bucket; the buckets grow beyond that when there would be too many of them."""
_PIECE_BYTES = 32 << 20
_MOST_BUCKETS = 256  # open files
_MANY_BUCKETS = 100
"""Buckets from which on their files are compressed: two million rows, which no longer lie in the page cache alone."""


def boundaries(connection: Any, table: str, column: str) -> list[str]:
    """Return the values that cut a table of the connection, sorted by a text column, into buckets of about equal size."""
    (rows,) = connection.execute(f"select count(*) from {table}").fetchone()
    size = max(BUCKET_ROWS, -(-rows // _MOST_BUCKETS))
    result = connection.execute(
        f"select {column} from (select {column}, row_number() over (order by {column}) as place from {table}) "
        f"where (place - 1) % {size} = 0 and place > 1 order by place"
    )
    return [str(row[0]) for row in result.fetchall()]


def sort_buckets(
    batches: Iterable[pa.RecordBatch], column: str, cuts: Sequence[str], schema: pa.Schema, folder: Path
) -> Iterator[pa.Table]:
    """Return rows in the order of a text column, one table for each bucket, empty ones too.

    Args:
        batches: The rows, in any order; read once, before the first row is returned.
        column: The text column.
        cuts: First value of every bucket but the first, ascending.
        schema: Schema of the batches.
        folder: Where the buckets may lie; they are gone at the end.
    """
    with distributed(batches, column, cuts, schema, folder) as paths:
        for table, order in ordered_buckets(paths, column):
            yield table.take(order)


def ordered_buckets(paths: Iterable[Path], column: str) -> Iterator[tuple[pa.Table, pa.Array]]:
    """Return the rows of each bucket as they lie, with their numbers in the order of a text column; its file is gone then."""
    for path in paths:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_stream(source).read_all()
        yield table, pc.sort_indices(table[column])
        path.unlink()


@contextmanager
def distributed(
    batches: Iterable[pa.RecordBatch], column: str, cuts: Sequence[str], schema: pa.Schema, folder: Path
) -> Iterator[list[Path]]:
    """Distribute rows as `sort_buckets` does, and give the files of the buckets; what is left of them is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="sort-", dir=folder) as buckets:
        paths = [Path(buckets) / f"{number:03d}.arrow" for number in range(len(cuts) + 1)]
        _distribute(batches, column, np.array(list(cuts), dtype=object), schema, paths)
        yield paths


def _distribute(
    batches: Iterable[pa.RecordBatch], column: str, cuts: Any, schema: pa.Schema, paths: Sequence[Path]
) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4" if len(paths) >= _MANY_BUCKETS else None)
    writers = [pa.ipc.new_stream(str(path), schema, options=options) for path in paths]
    try:
        for batch in _together(batches):
            buckets = np.searchsorted(cuts, batch[column].to_numpy(zero_copy_only=False), side="right")
            order = np.argsort(buckets, kind="stable")
            numbers, starts = np.unique(buckets[order], return_index=True)
            rows = batch.take(pa.array(order))
            for bucket, start, end in zip(numbers, starts, [*starts[1:], len(order)], strict=True):
                writers[bucket].write_batch(rows.slice(start, end - start))
    finally:
        for writer in writers:
            writer.close()


def _together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join batches to some megabytes: each piece of a bucket is compressed by itself, column by column."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.nbytes for part in waiting) >= _PIECE_BYTES:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)

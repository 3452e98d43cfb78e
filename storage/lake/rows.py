"""Rows for a table of the lake, in memory or in files."""

from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds

PART_BYTES = 64 << 20
"""Bytes of a data set that are inserted at a time; each such part is a file of the lake."""

Rows: TypeAlias = pa.Table | ds.Dataset
"""Rows for a table of the lake: in memory, or in files."""


def parts_of(table: Rows) -> Iterator[pa.Table]:
    """Rows as they are inserted: a data set some megabytes at a time, as an insertion's memory grows with what it is given."""
    if isinstance(table, pa.Table):
        yield table
        return
    part: list[pa.RecordBatch] = []
    for batch in table.to_batches(batch_size=8_192, batch_readahead=0, fragment_readahead=0, use_threads=False):
        part.append(batch)
        if sum(each.nbytes for each in part) >= PART_BYTES:
            yield pa.Table.from_batches(part)
            part = []
    if part:
        yield pa.Table.from_batches(part)

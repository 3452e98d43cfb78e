"""What a condition takes: it runs where anybody's SQL runs, in a process closed to the host, which its time and memory end.

DuckDB does not look at its clock within one call of a function, and some text can kill the process that works on it. A condition
that only compares columns with values can do neither (`storage.sql.inspection.is_plain`) and runs where its rows are read.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from storage.errors import QueryError
from storage.sql.inspection import CONDITION_S
from storage.sql.run import Answer, Export
from storage.workspace import Workspace

MEMORY = 3 << 30
"""Bytes that the process may hold: a release's rows are joined with their problems before they are chosen."""


def taken(
    source: Workspace | Export,
    statement: str,
    what: str = "",
    *,
    as_of: str | None = None,
    timeout: float = CONDITION_S,
) -> Iterator[pa.RecordBatch]:
    """Yield what a SELECT of ours, with a condition of somebody's in it, gives; inspect the condition first.

    Args:
        source: Whose lake, or which export.
        statement: The SELECT; let it give ids alone.
        what: Begins the error's sentence, where the caller does not.
        as_of: The lake as it stood at a commit number; None for now.
        timeout: Seconds it may take.

    Raises:
        QueryError: It fails, takes too long or too much, or its process died of it.
    """
    try:
        with Answer(source, statement, as_of=as_of, timeout=timeout, memory=MEMORY, any_order=True) as answer:
            yield from answer
    except QueryError as error:
        said, narrow, _ = str(error).partition("; narrow")
        remedy = "; write one that is decided sooner" if narrow or "process ended" in said else ""
        raise QueryError(f"{what}{': ' if what else ''}{said}{remedy}") from None


def take_into(connection: Any, table: str, batches: Iterator[pa.RecordBatch]) -> None:
    """Make a temporary table of the ids in the first column of batches, as `id`.

    Args:
        connection: DuckDB, which holds them, or spills them.
        table: Its name.
        batches: The rows, at least one batch read after another.
    """
    connection.execute(f"create temp table {table} (id varchar)")
    for batch in batches:
        connection.register("_ids", pa.table({"id": batch.column(0)}))
        connection.execute(f"insert into {table} select id from _ids")
        connection.unregister("_ids")

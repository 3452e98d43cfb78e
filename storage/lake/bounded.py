"""Joins, sorts and commits of more rows than fit in memory: DuckDB holds so much, and spills the rest to the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from storage.catalog.duck import quote
from storage.errors import LakeError
from storage.faults import explain
from storage.lake.lake import Lake

MEMORY = 512 << 20
"""Bytes that DuckDB may hold in memory."""


@contextmanager
def bounded_memory(lake: Lake, memory: int = MEMORY) -> Iterator[None]:
    """Let everything that is done on a lake meanwhile hold at most so many bytes of memory.

    Raises:
        LakeError: What is done fails in DuckDB: its disk is full, say.
    """
    spill = lake.workspace.folder("spill")
    with _explained(lake):
        settings = "select current_setting('memory_limit'), current_setting('temp_directory')"
        before, folder = lake.connection.execute(settings).fetchone()
        with _limited(lake, memory, before, folder, str(spill)):
            yield


@contextmanager
def _limited(lake: Lake, memory: int, before: str, folder: str, spill: str) -> Iterator[None]:
    try:
        lake.execute_setting(f"memory_limit='{memory >> 20}MiB'")
        if folder != spill:  # DuckDB refuses to be told again once it has spilled
            lake.execute_setting(f"temp_directory='{quote(spill)}'")
        lake.execute_setting("preserve_insertion_order=false")
        yield
    finally:
        lake.execute_setting(f"memory_limit='{before}'")
        lake.execute_setting("preserve_insertion_order=true")


@contextmanager
def _explained(lake: Lake) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise LakeError(f"query failed: {explain(error, lake.workspace.root)}") from error


@contextmanager
def bounded(lake: Lake, memory: int = MEMORY) -> Iterator[Any]:
    """A connection of its own to the lake, in one snapshot, that joins in bounded memory.

    Raises:
        LakeError: What is done fails in DuckDB: its disk is full, say.
    """
    connection = lake.connection.cursor()
    try:
        with bounded_memory(lake, memory):
            connection.execute("USE lake; BEGIN")
            try:
                yield connection
            finally:
                connection.close()
    finally:
        connection.close()

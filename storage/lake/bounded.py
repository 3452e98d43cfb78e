"""Joins, sorts and commits of more rows than fit in memory: DuckDB holds so much, and spills the rest to the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storage.catalog.duck import quote
from storage.lake.lake import Lake

MEMORY = 512 << 20
"""Bytes that DuckDB may hold in memory."""


@contextmanager
def bounded_memory(lake: Lake) -> Iterator[None]:
    """Let everything that is done on a lake meanwhile hold at most `MEMORY`."""
    settings = "select current_setting('memory_limit'), current_setting('temp_directory')"
    before, folder = lake.connection.execute(settings).fetchone()
    spill = lake.workspace.folder("spill")
    try:
        lake.execute_setting(f"memory_limit='{MEMORY >> 20}MiB'")
        if folder != str(spill):  # DuckDB refuses to be told again once it has spilled
            lake.execute_setting(f"temp_directory='{quote(str(spill))}'")
        lake.execute_setting("preserve_insertion_order=false")
        yield
    finally:
        lake.execute_setting(f"memory_limit='{before}'")
        lake.execute_setting("preserve_insertion_order=true")


@contextmanager
def bounded(lake: Lake) -> Iterator[Any]:
    """A connection of its own to the lake, in one snapshot, that joins in bounded memory."""
    connection = lake.connection.cursor()
    try:
        with bounded_memory(lake):
            connection.execute("USE lake; BEGIN")
            try:
                yield connection
            finally:
                connection.close()
    finally:
        connection.close()

"""The process that runs people's SQL: it opens the lake, closes itself to everything else, runs one statement, and ends.

`python -m storage.sql.sandbox STATUS_FD` reads a request as JSON from standard input, writes the rows to standard output as an
Arrow IPC stream, and how it went to the descriptor STATUS_FD as JSON. It holds no secret: the environment is emptied first.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from storage.sql.confine import close_files, close_network, die_with_parent, limit

BATCH_ROWS = 10_000
"""Rows per record batch."""
_FILE_SIZE = 64 << 30
_DUCKDB_SHARE = 0.7
"""A sort under a limit of 512 MiB held 600 MiB of its own, and more while other processes had the processors."""
_LEAST = 32 << 20
_OVERHEAD = 6 << 30
"""Address space beside the memory limit: libraries, thread stacks, buffers that are reserved and never touched."""
_opened: list[Any] = []
"""The lake, until this process ends: a reader's copy of its catalogue goes with it."""


def main() -> None:
    """Answer one request."""
    status = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    request: dict[str, Any] = json.loads(request_line())
    layers = close_network() if request["local"] else []
    try:
        _answer(request, layers)
        outcome: dict[str, Any] = {"ok": True, "layers": layers}
    except BaseException as error:  # whatever it is, the process that asked is told in words
        outcome = {"ok": False, "error": sentence(error), "kind": type(error).__name__}
    json.dump(outcome, status)
    status.close()
    sys.stdout.flush()
    os._exit(0)


def request_line() -> bytes:
    """Read the request and nothing beyond it; standard input stays open as a sign of life."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:
            raise SystemExit(1)
        line += piece
    return line


def _answer(request: dict[str, Any], layers: list[str]) -> None:
    from storage.sql.inspection import inspect_statement

    inspect_statement(request["statement"])
    connection = closed_lake(request, layers) if "workspace" in request else _closed_export(request, layers)
    die_with_parent()
    _write(connection.execute(request["statement"]).to_arrow_reader(BATCH_ROWS))


def closed_lake(request: dict[str, Any], layers: list[str]) -> Any:
    """Open the lake for reading, close this process and DuckDB, and return the connection; layers in force are added."""
    from storage.lake.lake import Lake
    from storage.sql.as_of import shadow
    from storage.workspace import Workspace

    tempfile.tempdir = request["scratch"]  # where a reader's copy of the catalogue is removed with the rest
    workspace = Workspace.open(Path(request["workspace"]))
    _opened.append(Lake(workspace, read_only=True))
    connection = _opened[0].connection
    connection.execute("SET threads=1; SET python_enable_replacements=false")
    connection.execute("BEGIN")  # the catalogue's files stay open from here on, so that they can be named to the kernel
    shadow(connection, request["as_of"])
    connection.execute("select max(seq) from lake.main.commits").fetchall()
    file = (workspace.root / "catalog.sqlite").resolve()  # SQLite's logs stand beside what a link leads to
    catalog = [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]
    _close(connection, workspace.data_path, catalog, request, layers)
    return connection


def _closed_export(request: dict[str, Any], layers: list[str]) -> Any:
    """Open the files of a release as `accepted`, close this process and DuckDB, and return the connection."""
    from storage.catalog.duck import connect

    connection = connect()
    connection.execute("SET threads=1; SET python_enable_replacements=false")
    connection.execute(f"create view accepted as {request['view']}")
    _close(connection, request["folder"], [], request, layers)
    return connection


def _close(connection: Any, data: str, catalog: list[Path], request: dict[str, Any], layers: list[str]) -> None:
    """Leave this process the data, and DuckDB no more than it may hold."""
    from storage.catalog.duck import quote

    scratch = Path(request["scratch"])
    for_duckdb = _for_duckdb(request["memory"])  # asks /proc, which is closed next
    os.environ.clear()
    if request["local"]:
        random = [Path("/dev/urandom"), Path("/dev/null")]
        read = [path for path in (Path(data), *random) if path.exists()]  # an empty lake has no folder
        layers += close_files(read, [path for path in catalog if path.exists()], [scratch])
    layers += limit(memory=request["memory"] + _OVERHEAD, cpu_s=request["cpu_s"], file_size=_FILE_SIZE)
    for setting in (
        f"memory_limit='{for_duckdb >> 20}MiB'",
        f"max_temp_directory_size='{request['spill'] >> 20}MiB'",
        f"temp_directory='{quote(str(scratch))}'",
        f"allowed_directories=['{quote(data)}']",
        f"threads={min(4, os.cpu_count() or 1)}",
        *(["preserve_insertion_order=false"] if request.get("any_order") else []),
        "enable_external_access=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET {setting}")


def _for_duckdb(memory: int) -> int:
    """Return the memory of the process that is left to DuckDB, which counts only part of what it takes.

    Raises:
        QueryError: None is left.
    """
    import psutil

    from storage.errors import QueryError

    held = psutil.Process().memory_info().rss
    left = int((memory - held) * _DUCKDB_SHARE)
    if left < _LEAST:
        raise QueryError(
            f"--memory {memory >> 20}: the process holds {held >> 20} MiB before it reads a row; allow more"
        )
    return left


def _write(reader: Any) -> None:
    import pyarrow as pa

    names = _told_apart(reader.schema.names)
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as stream:
        for batch in reader:
            stream.write_batch(batch.rename_columns(names))


def _told_apart(names: list[str]) -> list[str]:
    """Number the columns of equal names (a, a_1), as a join has them: rows are read by name."""
    distinct: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in distinct or (number and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        distinct.append(candidate)
    return distinct


def sentence(error: BaseException) -> str:
    """What went wrong, for people, without DuckDB's hints."""
    from storage.errors import NightschoolError

    text = str(error) or type(error).__name__
    return text if isinstance(error, NightschoolError) else text.split("\n\nPossible solutions")[0]


if __name__ == "__main__":
    main()

"""The process behind `storage.browse.session`: it opens the lake, closes itself to everything else, and answers until it is ended.

`python -m storage.browse.closed REQUESTS` reads the first request, as the process of `nightschool sql` does, from standard input,
which stays open as a sign of life, and every later one, a line of JSON each, from the descriptor REQUESTS. To each it answers on
standard output with a line of JSON, and after it, for each statement, an Arrow IPC stream of the length that the line names.
"""

import json
import os
import sys
from contextlib import suppress
from typing import Any

import duckdb
import pyarrow as pa

from storage.catalog.duck import within
from storage.sql.confine import close_network, die_with_parent
from storage.sql.inspection import functions, inspect_condition
from storage.sql.sandbox import closed_lake, request_line, sentence


def main() -> None:
    """Answer requests."""
    opening: dict[str, Any] = json.loads(request_line())
    layers = close_network() if opening["local"] else []
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as requests:
        try:
            for kind in ("scalar", "table"):  # the lists are read, before their file is closed
                functions(kind)
            inspect_condition("true", "samples")
            # Its transaction stays open: as long as it is, nobody removes the catalogue's files beside it, and those that would be
            # made in their place are closed to this process.
            anchor = closed_lake(opening, layers)
            die_with_parent()
            connection = anchor.cursor()
            connection.execute("USE lake")
            for statement in opening["prepare"]:
                connection.execute(statement)
        except BaseException as error:  # whatever it is, the process that asked is told in words
            _refuse(error)
            os._exit(0)
        _send({"ok": True, "layers": layers, "sizes": []})
        for line in requests:
            _answer(connection, json.loads(line))
    os._exit(0)


def _answer(connection: Any, request: dict[str, Any]) -> None:
    try:
        if request["condition"] is not None:
            inspect_condition(request["condition"], "samples")
        parts = []
        with within(connection, request["timeout"], "the rows"):
            connection.execute("BEGIN")
            for statement, parameters in request["statements"]:
                parts.append(_stream(connection.execute(statement, parameters).to_arrow_table()))
            connection.execute("COMMIT")
        _send({"ok": True, "sizes": [len(part) for part in parts]}, *parts)
    except Exception as error:
        with suppress(duckdb.Error):  # it may have ended already
            connection.execute("ROLLBACK")
        _refuse(error)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _refuse(error: BaseException) -> None:
    _send({"ok": False, "error": sentence(error).partition("\n\nLINE")[0], "sizes": []})


def _send(header: dict[str, Any], *parts: bytes) -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode() + b"\n")
    for part in parts:
        out.write(part)
    out.flush()


if __name__ == "__main__":
    main()

"""The lake: append-only tables in DuckLake, committed all or nothing under idempotency keys."""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from storage.duck import connect, quote
from storage.errors import LakeError, WorkspaceError
from storage.schema import COMMITS, TABLES, comment
from storage.views import VIEWS
from storage.workspace import Workspace

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.uint32(): "UINTEGER",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}
_PASSING = re.compile(
    r"database is locked|could not serialize|Duplicate key|maximum retry count|Failed to commit DuckLake transaction"
)
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit was recorded as.

    Attributes:
        id: Identity; every row of the commit carries it.
        seq: 1, 2, 3, ... in order of commit.
        new: False when its key had been committed before, and nothing was written.
    """

    id: str
    seq: int
    new: bool


class Lake:
    """The tables of one workspace. Safe for several threads, and for several processes of one machine.

    Args:
        workspace: Where the catalogue and the files are; both are made at first use.
        read_only: Attach for reading only; the lake must exist.

    Raises:
        WorkspaceError: `read_only` and there is no lake yet.
        LakeError: The catalogue cannot be attached.
    """

    def __init__(self, workspace: Workspace, *, read_only: bool = False) -> None:
        self.workspace = workspace
        self._mutex = threading.RLock()
        if read_only and not workspace.catalog.exists():
            raise WorkspaceError(f"workspace {workspace.root} holds no data yet; run a recipe first")
        self._connection = connect()
        options = "READ_ONLY, " if read_only else "META_JOURNAL_MODE 'WAL', "
        try:
            with workspace.lock("lake"):
                self._connection.execute(
                    f"ATTACH 'ducklake:sqlite:{quote(str(workspace.catalog))}' AS lake "
                    f"(DATA_PATH '{quote(str(workspace.data))}', {options}META_BUSY_TIMEOUT 20000)"
                )
                self._connection.execute("USE lake; SET TimeZone='UTC'")
                if not read_only:
                    self._connection.execute("SET ducklake_max_retry_count=200; SET ducklake_retry_wait_ms=20")
                    self._create()
        except duckdb.Error as error:
            self._connection.close()
            raise LakeError(f"cannot attach the lake in {workspace.root}: {error}") from error

    def _create(self) -> None:
        """Make the tables and views that are missing."""
        names = {
            row[0]
            for row in self._connection.execute(
                "select table_name from duckdb_tables() where database_name='lake'"
            ).fetchall()
        }
        self._connection.execute("BEGIN")
        for name, schema in {"commits": COMMITS, **TABLES}.items():
            if name in names:
                continue
            columns = ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in schema)
            self._connection.execute(f"CREATE TABLE {name} ({columns})")
            self._connection.execute(f"COMMENT ON TABLE {name} IS '{quote(comment(schema))}'")
            for field in schema:
                self._connection.execute(f"COMMENT ON COLUMN {name}.\"{field.name}\" IS '{quote(comment(field))}'")
        views = {
            row[0]
            for row in self._connection.execute(
                "select view_name from duckdb_views() where database_name='lake'"
            ).fetchall()
        }
        for name, (text, query) in VIEWS.items():
            if name not in views:
                self._connection.execute(f"CREATE VIEW {name} AS {query}")
                self._connection.execute(f"COMMENT ON VIEW {name} IS '{quote(text)}'")
        self._connection.execute("COMMIT")

    def commit(self, key: str, kind: str, tables: Mapping[str, pa.Table], *, night: str | None = None) -> Commit:
        """Append rows to several tables as one transaction, once per key.

        Args:
            key: Idempotency key. When it was committed before, nothing is written.
            kind: What it is, for people (`samples`, `curate`, `release`, ...).
            tables: Rows by table, without `commit_id`; columns may be in any order, none may be missing.
            night: Logical date.

        Raises:
            LakeError: A column is missing or of another type, or the transaction failed for good.
        """
        prepared = {name: _conform(name, table) for name, table in tables.items()}
        with self._mutex, self.workspace.lock("lake"):
            for attempt in range(_TRIES):
                try:
                    return self._commit_once(key, kind, prepared, night)
                except duckdb.Error as error:
                    self._rollback()
                    if not _PASSING.search(str(error)) or attempt == _TRIES - 1:
                        raise LakeError(f"commit {key} failed: {error}") from error
                    time.sleep(0.05 * (attempt + 1))
        raise AssertionError("unreachable")

    def _commit_once(self, key: str, kind: str, tables: Mapping[str, pa.Table], night: str | None) -> Commit:
        self._connection.execute("BEGIN")
        found = self._connection.execute("select commit_id, seq from commits where key = ?", [key]).fetchone()
        if found:
            self._connection.execute("ROLLBACK")
            return Commit(found[0], found[1], new=False)
        (last,) = self._connection.execute("select coalesce(max(seq), 0) from commits").fetchone()
        commit_id = uuid4().hex
        total = sum(table.num_rows for table in tables.values())
        self._connection.execute(
            "insert into commits values (?, ?, ?, ?, ?, ?, ?)",
            [commit_id, last + 1, key, kind, night, total, datetime.now(UTC)],
        )
        for name, table in tables.items():
            if table.num_rows:
                self._connection.register("_incoming", table)
                columns = ", ".join(f'"{column}"' for column in table.column_names)
                self._connection.execute(
                    f"insert into {name} ({columns}, commit_id) select {columns}, '{commit_id}' from _incoming"
                )
                self._connection.unregister("_incoming")
        self._connection.execute("COMMIT")
        return Commit(commit_id, last + 1, new=True)

    def _rollback(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:  # the failed statement had already ended the transaction
            return

    def has(self, key: str) -> bool:
        """Return whether a commit under `key` is in the lake."""
        return bool(self.query("select 1 from commits where key = ?", [key]).num_rows)

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a trusted statement written by us and return an Arrow table. People's SQL goes through `storage.sql`."""
        with self._mutex:
            try:
                return self._connection.execute(statement, list(parameters)).to_arrow_table()
            except duckdb.Error as error:
                raise LakeError(f"query failed: {error}") from error

    def query_named(self, statement: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Run a trusted statement with parameters by name, `$name`."""
        with self._mutex:
            try:
                return self._connection.execute(statement, dict(parameters)).to_arrow_table()
            except duckdb.Error as error:
                raise LakeError(f"query failed: {error}") from error

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a trusted statement and return its rows as dictionaries."""
        return list(self.query(statement, parameters).to_pylist())

    @property
    def connection(self) -> Any:
        """The DuckDB connection, for the process that runs people's SQL and nobody else."""
        return self._connection

    def execute_setting(self, setting: str) -> None:
        """Set a DuckDB option of this connection; trusted text only."""
        with self._mutex:
            self._connection.execute(f"SET {setting}")

    def last_seq(self) -> int:
        """Return the number of the last commit, 0 in an empty lake."""
        return int(self.rows("select coalesce(max(seq), 0) as seq from commits")[0]["seq"])

    def close(self) -> None:
        """Close the connection."""
        with self._mutex:
            self._connection.close()

    def __enter__(self) -> "Lake":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Build rows for a table of the lake (without `commit_id`) from dictionaries; missing keys become null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=_bare(name))


def _bare(name: str) -> pa.Schema:
    schema = TABLES[name]
    return pa.schema([field for field in schema if field.name != "commit_id"])


def _conform(name: str, table: pa.Table) -> pa.Table:
    if name not in TABLES:
        raise LakeError(f"no table {name!r} in the lake; there are {', '.join(sorted(TABLES))}")
    schema = _bare(name)
    missing = sorted(set(schema.names) - set(table.column_names))
    if missing:
        raise LakeError(f"rows for {name} lack {', '.join(missing)}")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LakeError(f"rows for {name} do not fit its columns: {error}") from error


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_list(type_):
        return _sql_type(type_.value_type) + "[]"
    if pa.types.is_struct(type_):
        inner = ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in type_)
        return f"STRUCT({inner})"
    return _SQL_TYPES[type_]

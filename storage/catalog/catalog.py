"""Where DuckLake keeps its catalogue, and the small tables beside it that change too often to be snapshots.

One machine: `catalog.sqlite` in the workspace, a kernel lock around writes. Many machines: a schema of a PostgreSQL
database, advisory locks. Leases, cursors and the version of the tables stand in a database of their own beside a SQLite
catalogue, `coordination.sqlite`: DuckDB and Python bring a SQLite library each, and two of them in one process must not
open the same file (https://www.sqlite.org/howtocorrupt.html, section 2.2.1). With PostgreSQL they stand in its schema.
"""

import hashlib
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from storage.catalog.duck import quote
from storage.catalog.readers import copy_of, may_write
from storage.errors import LakeError
from storage.faults import bring_back, explain, irregular, is_damage
from storage.modes import close_file
from storage.workspace import Workspace

Execute = Callable[..., list[tuple[Any, ...]]]
"""Runs one statement with `?` for its parameters inside a transaction and returns its rows."""

_TABLES = """
create table if not exists nightschool_meta (name text primary key, value text not null);
create table if not exists nightschool_leases (
    name text primary key, token bigint not null, holder text, place text, pid bigint, started text,
    expires double precision, purpose text
);
create table if not exists nightschool_cursors (
    consumer text primary key, seq bigint not null, commit_id text not null, updated double precision not null
);
create table if not exists nightschool_files (path text primary key, sha256 text not null)
"""

_OTHER_TABLES = re.compile(r"no such (table|column)|has no column|values were supplied|datatype mismatch")
"""What SQLite says of tables that are not those above."""


class Catalog(ABC):
    """DuckLake's catalogue and the coordination tables beside it.

    Attributes:
        extension: DuckDB extension that reads it.
        described: What it is, for people; without credentials.
        one_machine: Whether all its writers run on one machine.
    """

    extension: str
    described: str
    one_machine: bool
    _ready = False

    @abstractmethod
    def attachment(self, *, read_only: bool) -> tuple[str, str]:
        """Return what DuckLake attaches, as an SQL literal's text, and the options that go with it."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether DuckLake's tables have been made."""

    @abstractmethod
    def lock(self, name: str) -> Any:
        """Hold an exclusive lock between all writers of this catalogue; freed when the holder dies (context manager)."""

    @abstractmethod
    def _connected(self) -> Any:
        """Give a transaction that nobody else writes beside (context manager of `Execute`)."""

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """Run a transaction over the coordination tables; one at a time, all or nothing.

        Raises:
            LakeError: The database cannot be reached or written.
        """
        with self._connected() as execute:
            if not self._ready:
                for statement in _TABLES.split(";"):
                    execute(statement)
            yield execute
        self._ready = True

    def damaged(self, what: str) -> LakeError:
        """Make the error for a coordination table that holds what we never wrote."""
        return LakeError(f"{self.described} is damaged ({what}); bring a back-up back with `nightschool lake restore`")

    @abstractmethod
    def now(self, execute: Execute) -> float:
        """Return seconds since the epoch by the one clock that all writers share."""

    @abstractmethod
    def lease_clock(self, execute: Execute) -> float:
        """Return seconds by a clock that all writers share, from a start of its own: leases end by it."""

    def note(self, name: str) -> str | None:
        """Return what was noted under a name, None before."""
        with self.transaction() as execute:
            rows = execute("select value from nightschool_meta where name = ?", [name])
        return str(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        """Note a value under a name."""
        with self.transaction() as execute:
            execute(
                "insert into nightschool_meta values (?, ?) on conflict (name) do update set value = excluded.value",
                [name, value],
            )


class SqliteCatalog(Catalog):
    """A catalogue file in the workspace, for the processes of one machine.

    Args:
        workspace: The workspace.
    """

    extension = "sqlite_scanner"
    one_machine = True

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._copy: TemporaryDirectory[str] | None = None
        self.file = workspace.root / "catalog.sqlite"
        self.beside = workspace.root / "coordination.sqlite"
        self.described = str(self.file)

    def attachment(self, *, read_only: bool) -> tuple[str, str]:
        """Return the file, written in WAL mode so that readers and the writer do not wait for each other; for others a copy."""
        file = self.file
        if not may_write(self._workspace.root):
            self._copy, file = copy_of(self.file)
        journal = "" if read_only else "META_JOURNAL_MODE 'WAL', "
        return f"ducklake:sqlite:{quote(str(file))}", f"{journal}META_BUSY_TIMEOUT 20000"

    def exists(self) -> bool:
        """Return whether there is a file with something in it."""
        return self.file.exists() and self.file.stat().st_size > 0

    def lock(self, name: str) -> Any:
        """Hold a lock file of the workspace; who may only read holds none."""
        return self._workspace.lock(name) if may_write(self._workspace.root) else nullcontext()

    def damaged(self, what: str) -> LakeError:
        """Make the error for a database beside the catalogue that is not what we wrote."""
        return LakeError(
            f"{self.beside} is damaged ({what}); end what works with this lake and move it away (mv {self.beside} "
            f"{self.beside}.damaged): leases are made anew, who reads with a cursor sees rows again, and "
            "`nightschool lake maintain` records the hashes of files anew"
        )

    @contextmanager
    def _connected(self) -> Iterator[Execute]:
        if what := irregular(self.beside):
            raise self.damaged(f"it is {what}")
        try:
            close_file(self.beside)  # who could lock it could hold up a night
            connection = sqlite3.connect(self.beside, timeout=30, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise LakeError(f"{self.beside} cannot be opened: {explain(error, self._workspace.root)}") from error
        try:
            connection.execute("pragma synchronous=full")  # no WAL: reading must need no room on a full disk
            connection.execute("begin immediate")
            yield lambda statement, parameters=(): connection.execute(statement, parameters).fetchall()
            connection.execute("commit")
        except sqlite3.Error as error:
            if is_damage(error) or _OTHER_TABLES.search(str(error)):
                raise self.damaged(str(error)) from error
            raise LakeError(f"{self.beside} cannot be written: {explain(error, self._workspace.root)}") from error
        finally:
            connection.close()  # what was not committed is rolled back

    def now(self, execute: Execute) -> float:
        """Return this machine's time."""
        return time.time()

    def lease_clock(self, execute: Execute) -> float:
        """Return the seconds since this machine was started: a clock that is set ends no lease and keeps none."""
        return time.monotonic()


class PostgresCatalog(Catalog):
    """A schema of a PostgreSQL database, for the processes of many machines.

    Args:
        conninfo: libpq's connection string, without a password: that comes from PGPASSWORD or the password file.
        schema: Schema of all tables.
    """

    extension = "postgres_scanner"
    one_machine = False

    def __init__(self, conninfo: str, schema: str) -> None:
        self.conninfo = conninfo
        self.schema = schema
        self.described = f"postgres:{conninfo} (schema {schema})"

    def attachment(self, *, read_only: bool) -> tuple[str, str]:
        """Return the connection string; DuckLake makes the schema."""
        return f"ducklake:postgres:{quote(self.conninfo)}", f"METADATA_SCHEMA '{quote(self.schema)}'"

    def exists(self) -> bool:
        """Return whether the schema holds DuckLake's tables."""
        with self.transaction() as execute:
            return bool(execute("select to_regclass(?)", [f"{self.schema}.ducklake_metadata"])[0][0])

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an advisory lock of a session of its own."""
        import psycopg

        with self._open() as connection:
            connection.execute("select pg_advisory_lock(%s)", [self._number(name)])
            yield
            with suppress(psycopg.Error):  # the session's end frees it as well
                connection.execute("select pg_advisory_unlock(%s)", [self._number(name)])

    @contextmanager
    def _connected(self) -> Iterator[Execute]:
        import psycopg

        with self._open() as connection:
            try:
                connection.execute("begin")
                connection.execute("select pg_advisory_xact_lock(%s)", [self._number("coordination")])
                if not self._ready:
                    connection.execute(f'create schema if not exists "{self.schema}"')
                connection.execute(f'set local search_path to "{self.schema}"')

                def execute(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
                    cursor = connection.execute(statement.replace("?", "%s"), parameters)
                    return cursor.fetchall() if cursor.description else []

                yield execute
                connection.execute("commit")
            except psycopg.Error as error:
                raise LakeError(f"{self.described}: {error}") from error

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import psycopg

        try:
            connection = psycopg.connect(self.conninfo, autocommit=True, connect_timeout=10)
        except psycopg.Error as error:
            raise LakeError(
                f"{self.described} cannot be reached: {error}; is the server up, and PGPASSWORD or ~/.pgpass set?"
            ) from error
        try:
            yield connection
        finally:
            connection.close()

    def _number(self, name: str) -> int:
        """Return a 64-bit key for an advisory lock of this schema."""
        hashed = hashlib.sha256(f"nightschool:{self.schema}:{name}".encode()).digest()
        return int.from_bytes(hashed[:8], "big", signed=True)

    def now(self, execute: Execute) -> float:
        """Return the server's time."""
        return float(execute("select extract(epoch from clock_timestamp())")[0][0])

    def lease_clock(self, execute: Execute) -> float:
        """Return the server's time: the only clock that all machines have."""
        return self.now(execute)


def catalog_of(workspace: Workspace) -> Catalog:
    """Return the catalogue that a workspace names."""
    named = workspace.config.get("catalog")
    if named is None:
        return SqliteCatalog(workspace)
    return PostgresCatalog(named["conninfo"], named["schema"])


def tables_at(catalog: Catalog) -> str:
    """Return where a connection that has the lake attached finds DuckLake's own tables."""
    at = "__ducklake_metadata_lake"
    return f'{at}."{catalog.schema}"' if isinstance(catalog, PostgresCatalog) else at


def _must_be_ducklakes(connection: Any, workspace: Workspace, catalog: SqliteCatalog) -> None:
    """Refuse to make a lake's tables in a database that has others; DuckDB reads it, for its locks are this process's."""
    if not catalog.exists() or not may_write(workspace.root):  # who may only read holds no lock of the file either
        return
    names = f"select name from sqlite_scan('{quote(str(catalog.file))}', 'sqlite_master') where type = 'table'"
    with suppress(duckdb.Error):  # whatever cannot be read is named by the attachment that follows
        tables = {row[0] for row in connection.execute(names).fetchall()}
        if tables and "ducklake_metadata" not in tables:
            raise LakeError(
                f"{catalog.file} is not this lake's catalogue: it is a database with the table {min(tables)}; "
                f"{bring_back(workspace.root)}"
            )


def attach(connection: Any, workspace: Workspace, catalog: Catalog, *, read_only: bool) -> None:
    """Attach a workspace's lake as `lake` and use it.

    Raises:
        duckdb.Error: It cannot be attached.
        LakeError: It is a database of something else, which is left alone.
    """
    source, options = catalog.attachment(read_only=read_only)
    if isinstance(catalog, SqliteCatalog):
        _must_be_ducklakes(connection, workspace, catalog)
    mode = "READ_ONLY, " if read_only else ""
    connection.execute(
        f"ATTACH '{source}' AS lake (DATA_PATH '{quote(workspace.data_path)}', OVERRIDE_DATA_PATH true, {mode}{options})"
    )
    connection.execute("USE lake; SET TimeZone='UTC'")
    if not read_only:
        connection.execute("SET ducklake_max_retry_count=200; SET ducklake_retry_wait_ms=20")

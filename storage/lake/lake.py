"""The lake: append-only tables in DuckLake, committed all or nothing under idempotency keys."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from storage.catalog.catalog import attach, catalog_of
from storage.catalog.duck import connect
from storage.catalog.evolution import bring_up_to_date, is_current
from storage.catalog.hashes import Hashing
from storage.catalog.leases import Lease
from storage.catalog.presence import (
    left_of_a_lake,
    must_have_catalog,
    must_have_tables,
    never_made,
    no_data,
    not_this_lakes,
)
from storage.errors import LakeError, NightschoolError, WorkspaceError
from storage.faults import explain, is_passing
from storage.lake.rows import Rows, parts_of
from storage.lake.tombstones import without_taken_down
from storage.schema import TABLES
from storage.workspace import FORMAT_VERSION, Workspace

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
    """The tables of one workspace. Safe for several threads, and for all processes that share the catalogue.

    Opened for writing, a lake of an older version is brought up to date first (`storage.catalog.evolution`).

    Args:
        workspace: Where the catalogue and the files are; both are made at first use.
        read_only: Attach for reading only; the lake must exist.

    Attributes:
        workspace: The workspace.
        catalog: Its catalogue, with the small tables beside it.

    Raises:
        WorkspaceError: `read_only` and there is no lake yet, or it has an older format; or a newer one.
        LakeError: The catalogue cannot be attached.
    """

    def __init__(self, workspace: Workspace, *, read_only: bool = False) -> None:
        self.workspace = workspace
        self.catalog = catalog_of(workspace)
        self._mutex = threading.RLock()
        must_have_catalog(workspace, self.catalog, new=not read_only)
        if read_only and workspace.format < FORMAT_VERSION:
            raise WorkspaceError(
                f"workspace {workspace.root} has format {workspace.format}, this version reads "
                f"{FORMAT_VERSION}; `nightschool lake migrate` copies its catalogue and brings it up to date"
            )
        self._connection = connect(self.catalog.extension, data_path=workspace.data_path)
        try:
            with self.lock():
                attach(self._connection, workspace, self.catalog, read_only=read_only)
                must_have_tables(self._connection, workspace, self.catalog, new=not read_only)
                self._current = self._is_current(read_only)
                if not read_only and (not self._current or workspace.format < FORMAT_VERSION):
                    bring_up_to_date(self._connection, workspace, self.catalog)
                    self._current = True
        except duckdb.Error as error:
            self._connection.close()
            if never_made(error):
                left = left_of_a_lake(workspace, self.catalog)
                raise (
                    not_this_lakes(workspace, self.catalog, left) if left else WorkspaceError(no_data(workspace))
                ) from error
            raise LakeError(f"cannot attach the lake in {workspace.root}: {explain(error, workspace.root)}") from error
        except BaseException:
            self._connection.close()
            raise

    def _is_current(self, read_only: bool) -> bool:
        try:
            return is_current(self.catalog)
        except (
            LakeError
        ):  # to read rows needs nothing that stands beside the catalogue; `lake check` names what is damaged
            if not read_only:
                raise
            return True

    def lock(self, name: str = "lake") -> AbstractContextManager[None]:
        """Hold a lock between all processes that share this catalogue; freed when the holder dies."""
        held: AbstractContextManager[None] = self.catalog.lock(name)
        return held

    def commit(
        self,
        key: str,
        kind: str,
        tables: Mapping[str, Rows],
        *,
        night: str | None = None,
        lease: Lease | None = None,
        first: Callable[[Any], Mapping[str, pa.Table]] | None = None,
    ) -> Commit:
        """Append rows to several tables as one transaction, once per key. What was taken down is left out.

        Args:
            key: Idempotency key. When it was committed before, nothing is written.
            kind: What it is, for people (`samples`, `curate`, `release`, ...).
            tables: Rows by table, without `commit_id`; columns may be in any order, none may be missing. A data set in files
                is read as it is written, so that it need not fit in memory.
            night: Logical date.
            lease: One that must still be held, by its fencing token, when the commit takes effect.
            first: Works on the connection, inside the transaction and before the rows are written; it may run again, and
                returns rows of further tables. For a takedown, which alone removes rows.

        Raises:
            LeaseError: The lease was lost; nothing is written.
            LakeError: A column is missing or of another type, or the transaction failed for good.
        """
        prepared = _conformed(tables)
        with self._mutex, self.lock():
            for attempt in range(_TRIES):
                try:
                    return self._commit_once(key, kind, prepared, night, lease, first)
                except NightschoolError:
                    self._rollback()
                    raise
                except duckdb.Error as error:
                    self._rollback()
                    if not is_passing(error) or attempt == _TRIES - 1:
                        raise LakeError(f"commit {key} failed: {explain(error, self.workspace.root)}") from error
                    time.sleep(0.05 * (attempt + 1))
        raise AssertionError("unreachable")

    def _commit_once(
        self,
        key: str,
        kind: str,
        tables: Mapping[str, Rows],
        night: str | None,
        lease: Lease | None,
        first: Callable[[Any], Mapping[str, pa.Table]] | None,
    ) -> Commit:
        self._connection.execute("BEGIN")
        present = self._connection.execute("select commit_id, seq from commits where key = ?", [key]).fetchone()
        if present:
            self._connection.execute("ROLLBACK")
            return Commit(present[0], present[1], new=False)
        hashing = Hashing(self._connection, self.workspace, self.catalog)
        (last,) = self._connection.execute("select coalesce(max(seq), 0) from commits").fetchone()
        commit_id = uuid4().hex
        tables = without_taken_down(self._connection, tables)
        if first is not None:
            tables = {**tables, **_conformed(first(self._connection))}
        counts = {name: _count(table) for name, table in tables.items()}
        total = sum(counts.values())
        self._connection.execute(
            "insert into commits values (?, ?, ?, ?, ?, ?, ?)",
            [commit_id, last + 1, key, kind, night, total, datetime.now(UTC)],
        )
        for name, table in tables.items():
            columns = ", ".join(f'"{column}"' for column in _bare(name).names)
            for _incoming in parts_of(table) if counts[name] else ():  # registered, it would be held until the commit
                self._connection.execute(
                    f"insert into {name} ({columns}, commit_id) select {columns}, '{commit_id}' from _incoming"
                )
        hashing.before_commit()
        with lease.guard() if lease else nullcontext():
            self._connection.execute("COMMIT")
        hashing.after_commit()
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
        """Run a trusted statement written by us and return an Arrow table. People's SQL goes through `storage.sql.run`."""
        return self._ask(statement, list(parameters))

    def query_named(self, statement: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Run a trusted statement with parameters by name, `$name`."""
        return self._ask(statement, dict(parameters))

    def _ask(self, statement: str, parameters: list[Any] | dict[str, Any]) -> pa.Table:
        with self._mutex:
            try:
                return self._connection.execute(statement, parameters).to_arrow_table()
            except duckdb.Error as error:
                hint = "" if self._current else "; its tables are of another version: run `nightschool lake migrate`"
                raise LakeError(f"query failed: {explain(error, self.workspace.root)}{hint}") from error

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a trusted statement and return its rows as dictionaries."""
        return list(self.query(statement, parameters).to_pylist())

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """Let everything that is asked meanwhile see the lake as it stands now, and begin one transaction instead of many.

        Nothing can be committed meanwhile.

        Raises:
            LakeError: The catalogue cannot be read.
        """
        with self._mutex:
            try:
                self._connection.execute("BEGIN")
            except duckdb.Error as error:
                raise LakeError(f"query failed: {explain(error, self.workspace.root)}") from error
            try:
                yield
            finally:
                self._rollback()

    @contextmanager
    def beside(self, name: str, rows: pa.RecordBatchReader) -> Iterator[None]:
        """Have rows from elsewhere as a temporary table beside the lake's own; they are read batch by batch.

        Raises:
            LakeError: They cannot be read or kept.
        """
        with self._mutex:
            self._connection.register("_beside", rows)
            try:
                self._connection.execute(f"create or replace temp table {name} as select * from _beside")
            except duckdb.Error as error:
                raise LakeError(f"query failed: {explain(error, self.workspace.root)}") from error
            finally:
                self._connection.unregister("_beside")
        try:
            yield
        finally:
            with self._mutex:
                self._connection.execute(f"drop table temp.{name}")

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


def _count(table: Rows) -> int:
    return int(table.num_rows if isinstance(table, pa.Table) else table.count_rows())


def _conformed(tables: Mapping[str, Rows]) -> dict[str, Rows]:
    return {name: _conform(name, table) for name, table in tables.items()}


def _conform(name: str, table: Rows) -> Rows:
    if name not in TABLES:
        raise LakeError(f"no table {name!r} in the lake; there are {', '.join(sorted(TABLES))}")
    schema = _bare(name)
    missing = sorted(set(schema.names) - set(table.schema.names))
    if missing:
        raise LakeError(f"rows for {name} lack {', '.join(missing)}")
    if isinstance(table, ds.Dataset):
        return table
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LakeError(f"rows for {name} do not fit its columns: {error}") from error

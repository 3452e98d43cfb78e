"""SHA-256 of every Parquet file of the lake, in a table beside the catalogue, so that a flipped bit does not pass for a row.

A file never changes once a commit names it. In a folder its hash is recorded before that commit, which fails where there is no room
for the record: no file is named without a hash. What an object store has is hashed right after the commit, under the same lock;
where the process is killed in between, the next commit does it. Lakes of before have files without a hash: maintenance adds it.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from storage.catalog.backup import list_backups
from storage.catalog.catalog import Catalog, Execute, tables_at
from storage.catalog.duck import quote
from storage.errors import LakeError
from storage.faults import explain
from storage.ids import file_hash
from storage.workspace import Workspace

_NOTE = "hashed"
"""Name under which the highest file id is noted that was looked at; ids only grow, and go back with a restored catalogue."""

_FILES = """
select f.id, t.table_name as "table", f.rows, f.bytes,
       case when not f.path_is_relative then f.path
            else if(t.path_is_relative, if(s.path_is_relative, $root, '') || s.path, '') || t.path || f.path end as path
from (
    select data_file_id as id, table_id, path, path_is_relative, record_count as rows, file_size_bytes as bytes, begin_snapshot
    from {at}.ducklake_data_file
    union all
    select delete_file_id, table_id, path, path_is_relative, null, file_size_bytes, begin_snapshot
    from {at}.ducklake_delete_file
) f
join {at}.ducklake_table t on t.table_id = f.table_id and t.end_snapshot is null
join {at}.ducklake_schema s on s.schema_id = t.schema_id and s.end_snapshot is null
where {which}
order by path
"""
_ENDINGS = (".parquet", ".puffin")
_NEWEST = "f.begin_snapshot = (select max(snapshot_id) from {at}.ducklake_snapshot)"


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file that the catalogue names.

    Attributes:
        id: Its number in the catalogue; later files have higher ones.
        table: Table whose rows, or deleted rows, it holds.
        rows: Rows that it holds; None for one that marks rows as deleted.
        bytes: Its size; None in a damaged catalogue.
        path: A path, or an object store's URL.
    """

    id: int
    table: str
    rows: int | None
    bytes: int | None
    path: str


def lake_files(connection: Any, workspace: Workspace, catalog: Catalog, which: str = "true") -> list[LakeFile]:
    """Return the files that the catalogue names, by path.

    Args:
        connection: DuckDB, with the lake attached as `lake`.
        workspace: The workspace.
        catalog: Its catalogue.
        which: Our own SQL condition over the files.

    Raises:
        LakeError: The catalogue cannot be read.
    """
    at = tables_at(catalog)
    statement = _FILES.format(at=at, which=which.format(at=at))
    try:
        rows = connection.execute(statement, {"root": workspace.data_path}).fetchall()
    except duckdb.Error as error:
        raise LakeError(f"{catalog.described} cannot be read: {explain(error, workspace.root)}") from error
    return [LakeFile(*row) for row in rows]


def recorded_hashes(workspace: Workspace, catalog: Catalog) -> dict[str, str]:
    """Return the SHA-256 of each file that has one recorded, by its whole path.

    Raises:
        LakeError: The database beside the catalogue cannot be read.
    """
    with catalog.transaction() as execute:
        rows = execute("select path, sha256 from nightschool_files")
    return {_whole(workspace, path): sha256 for path, sha256 in rows}


def hash_of(connection: Any, path: str) -> str:
    """Return the SHA-256 of a file of the lake as it is now.

    Raises:
        OSError: It cannot be read.
    """
    if "://" not in path:
        return file_hash(Path(path))
    try:
        (row,) = connection.execute(f"select sha256(content) from read_blob('{quote(path)}')").fetchall()
    except duckdb.Error as error:
        raise OSError(str(error).splitlines()[0]) from error
    return str(row[0])


def hash_all(catalog: Catalog) -> None:
    """Note of a lake that is being made on an object store that its first file is to have a hash too; file ids begin at 0."""
    catalog.set_note(_NOTE, "-1")


class Hashing:
    """Records the hashes of what a transaction writes; the caller holds the catalogue's lock from its beginning on.

    Args:
        connection: DuckDB, with the lake attached as `lake`, at the beginning of the transaction.
        workspace: The workspace.
        catalog: Its catalogue.
    """

    def __init__(self, connection: Any, workspace: Workspace, catalog: Catalog) -> None:
        self._connection, self._workspace, self._catalog = connection, workspace, catalog
        self._remote = "://" in workspace.data_path
        self._before = set() if self._remote else _in_folder(workspace)

    def before_commit(self) -> None:
        """Record the hash of each file that has come into the lake's folder. Where the commit fails, nothing names them.

        Raises:
            LakeError: A file cannot be read back, or the database beside the catalogue cannot be written.
        """
        if self._remote or not (paths := sorted(_in_folder(self._workspace) - self._before)):
            return
        hashes = {}
        try:
            for path in paths:
                with suppress(FileNotFoundError):  # of another lake that shares the folder
                    hashes[path] = file_hash(Path(path))
        except OSError as error:
            raise LakeError(f"what was written to the lake cannot be read back: {error}") from error
        with self._catalog.transaction() as execute:
            _record(self._workspace, execute, hashes)

    def after_commit(self) -> None:
        """Record the hash of each object of the store that came since the last record. What fails is left to the next commit."""
        if self._remote:
            with suppress(LakeError):
                self._record_objects()

    def _record_objects(self) -> None:
        noted = self._catalog.note(_NOTE)
        which = _NEWEST if noted is None else f"f.id > {int(noted)}"
        files = lake_files(self._connection, self._workspace, self._catalog, which)
        if files:  # few rows stand in the catalogue itself
            hashes = _readable(self._connection, files)
            with self._catalog.transaction() as execute:
                _record(self._workspace, execute, hashes)
                _note(execute, files)


def _readable(connection: Any, files: Iterable[LakeFile]) -> dict[str, str]:
    """Hashes of files by path, without those that cannot be read."""
    hashes = {}
    for file in files:
        with suppress(OSError):
            hashes[file.path] = hash_of(connection, file.path)
    return hashes


def _in_folder(workspace: Workspace) -> set[str]:
    """Paths of the files in schema/table/ of the lake's folder, those that nothing names too.

    Raises:
        LakeError: A folder cannot be listed.
    """
    try:
        folders = [workspace.data_path] if workspace.data.is_dir() else []
        for _ in ("schema", "table"):
            folders = [entry.path for folder in folders for entry in _entries(folder) if entry.is_dir()]
        return {entry.path for folder in folders for entry in _entries(folder) if entry.name.endswith(_ENDINGS)}
    except OSError as error:
        raise LakeError(f"{workspace.data_path} cannot be listed: {explain(error, workspace.root)}") from error


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (PermissionError, FileNotFoundError):  # lost+found of a disk of its own; or another lake's, gone meanwhile
        return []


def record_missing(connection: Any, workspace: Workspace, catalog: Catalog) -> int:
    """Record the hash of each file that has none, forget those of files that nothing names, and return how many were added.

    The caller holds the lock. A file that cannot be read is left out: `lake check` names it.
    """
    files = lake_files(connection, workspace, catalog)
    recorded = recorded_hashes(workspace, catalog)
    missing = _readable(connection, [file for file in files if file.path not in recorded])
    named = {file.path for file in files}
    named |= {_whole(workspace, path) for backup in list_backups(workspace) for path in backup.lake_files}
    with catalog.transaction() as execute:
        _record(workspace, execute, missing)
        _note(execute, files)
        for path in set(recorded) - named:
            execute("delete from nightschool_files where path = ?", [path.removeprefix(workspace.data_path)])
    return len(missing)


def _record(workspace: Workspace, execute: Execute, hashes: Mapping[str, str]) -> None:
    for path, sha256 in hashes.items():
        row = [path.removeprefix(workspace.data_path), sha256]
        execute("insert into nightschool_files values (?, ?) on conflict (path) do nothing", row)


def _note(execute: Execute, files: list[LakeFile]) -> None:
    """Note up to which file all were looked at."""
    execute(
        "insert into nightschool_meta values (?, ?) on conflict (name) do update set value = excluded.value",
        [_NOTE, str(max((file.id for file in files), default=-1))],
    )


def _whole(workspace: Workspace, path: str) -> str:
    return path if "://" in path or path.startswith("/") else workspace.data_path + path

"""SHA-256 of every Parquet file of the lake, in a table beside the catalogue, so that a flipped bit does not pass for a row.

A file never changes once a commit names it. Its hash is recorded right after the commit, under the catalogue's lock; where the
process is killed in between, or the disk is full, the next commit records it, that of a lake's first commit too. Lakes of before
have files without a hash: maintenance adds it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from storage.catalog.backup import list_backups
from storage.catalog.catalog import Catalog, PostgresCatalog
from storage.catalog.duck import quote
from storage.errors import LakeError
from storage.faults import explain
from storage.ids import file_hash
from storage.workspace import Workspace

_NOTE = "hashed"
"""Name under which the highest file id is noted that was looked at; ids only grow, and go back with a restored catalogue."""

_CATALOGUE = "__ducklake_metadata_lake"
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
_NEWEST = "f.begin_snapshot = (select max(snapshot_id) from {at}.ducklake_snapshot)"


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file that the catalogue names.

    Attributes:
        id: Its number in the catalogue; later files have higher ones.
        table: Table whose rows, or deleted rows, it holds.
        rows: Rows that it holds; None for one that marks rows as deleted.
        bytes: Its size.
        path: A path, or an object store's URL.
    """

    id: int
    table: str
    rows: int | None
    bytes: int
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
    at = f'{_CATALOGUE}."{catalog.schema}"' if isinstance(catalog, PostgresCatalog) else _CATALOGUE
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
    """Note of a lake that is being made that every file of it is to have a hash, the first one's too; file ids begin at 0."""
    catalog.set_note(_NOTE, "-1")


def record_commit(connection: Any, workspace: Workspace, catalog: Catalog) -> None:
    """Record the hashes of what the newest commit wrote, and of what came since the last record; the caller holds the lock.

    Raises:
        LakeError: The database beside the catalogue cannot be written; the next commit tries again.
    """
    noted = catalog.note(_NOTE)
    which = _NEWEST if noted is None else f"f.id > {int(noted)}"
    files = lake_files(connection, workspace, catalog, which)
    if files:  # few rows stand in the catalogue itself
        _record(connection, workspace, catalog, files, max(file.id for file in files))


def record_rewrite(connection: Any, workspace: Workspace, catalog: Catalog) -> None:
    """Record the hashes of files that maintenance wrote; the caller holds the lock. A lake without any hash stays so."""
    noted = catalog.note(_NOTE)
    if noted is not None and (files := lake_files(connection, workspace, catalog, f"f.id > {int(noted)}")):
        _record(connection, workspace, catalog, files, max(file.id for file in files))


def record_missing(connection: Any, workspace: Workspace, catalog: Catalog) -> int:
    """Record the hash of each file that has none, forget those of files that nothing names, and return how many were added.

    The caller holds the lock. A file that cannot be read is left out: `lake check` names it.
    """
    files = lake_files(connection, workspace, catalog)
    recorded = recorded_hashes(workspace, catalog)
    missing = [file for file in files if file.path not in recorded]
    added = _record(connection, workspace, catalog, missing, max((file.id for file in files), default=0))
    named = {file.path for file in files}
    named |= {_whole(workspace, path) for backup in list_backups(workspace) for path in backup.lake_files}
    with catalog.transaction() as execute:
        for path in set(recorded) - named:
            execute("delete from nightschool_files where path = ?", [path.removeprefix(workspace.data_path)])
    return added


def _record(connection: Any, workspace: Workspace, catalog: Catalog, files: list[LakeFile], last: int) -> int:
    rows = []
    for file in files:
        try:
            sha256 = hash_of(connection, file.path)
        except OSError:
            continue
        rows.append([file.path.removeprefix(workspace.data_path), sha256])
    with catalog.transaction() as execute:
        for row in rows:
            execute("insert into nightschool_files values (?, ?) on conflict (path) do nothing", row)
        execute(
            "insert into nightschool_meta values (?, ?) on conflict (name) do update set value = excluded.value",
            [_NOTE, str(last)],
        )
    return len(rows)


def _whole(workspace: Workspace, path: str) -> str:
    return path if "://" in path or path.startswith("/") else workspace.data_path + path

"""Back-ups of the catalogue: what the Parquet files mean. The files themselves are copied with any tool, before or after.

backups/<name>/catalog.sqlite or catalog.dump   DuckLake's tables
backups/<name>/coordination.sqlite              leases, cursors (PostgreSQL has them in the dump)
backups/<name>/workspace.json
backups/<name>/backup.json                      hashes, how many commits, which Parquet files, which takedowns; written last
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from storage.atomic import atomic_folder
from storage.catalog.catalog import Catalog, PostgresCatalog, SqliteCatalog, attach
from storage.catalog.duck import connect
from storage.errors import LakeError
from storage.faults import explain
from storage.ids import file_hash
from storage.unknown_names import unknown
from storage.workspace import Workspace

COPY = """
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
target.execute("pragma journal_mode=delete")
assert target.execute("pragma integrity_check").fetchone() == ("ok",)
"""
"""Runs in a process of its own: closing a file here would free the locks that DuckDB's SQLite holds on it."""

_READ = """
import sqlite3, sys
try:
    connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
    first = connection.execute("pragma integrity_check(1)").fetchone()[0]
except sqlite3.Error as error:
    first = str(error)
if first != "ok":
    sys.exit(" ".join(first.split()))
"""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STAMP = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True, slots=True)
class Backup:
    """A back-up as it describes itself.

    Attributes:
        name: Its folder's name.
        folder: The folder.
        made_at: When it was made.
        commits: Commits that it holds; None when a version made it that did not say so.
        last_commit: Id of the last of them, None when there is none.
        lake_files: Files of the lake that it names, relative to the place of the lake's files.
        hashes: SHA-256 of its files.
        takedowns: Those that were done before, so that their text is not in it.
    """

    name: str
    folder: Path
    made_at: datetime
    commits: int | None
    last_commit: str | None
    lake_files: frozenset[str]
    hashes: dict[str, str]
    takedowns: frozenset[str] = frozenset()


def list_backups(workspace: Workspace) -> list[Backup]:
    """Return the back-ups in `backups/`, oldest first; folders that say nothing readable of themselves are left out."""
    backups = []
    for file in (workspace.root / "backups").glob("*/backup.json"):
        with suppress(LakeError):  # `find_backup` names what is wrong with it
            backups.append(_described(file.parent))
    return sorted(backups, key=lambda backup: backup.made_at)


def find_backup(workspace: Workspace, name: str) -> Backup:
    """Return a back-up by its folder, or by its name in `backups/`, each of its files checked.

    Raises:
        LakeError: There is none, or it is damaged; a file that has changed is named.
    """
    folder = next((path for path in (workspace.root / "backups" / name, Path(name)) if path.is_dir()), None)
    if folder is None:
        raise LakeError(unknown("back-up", name, [backup.name for backup in list_backups(workspace)] or ["none yet"]))
    backup = _described(folder)
    for file, expected in backup.hashes.items():
        if not (folder / file).is_file():
            raise LakeError(f"back-up {backup.name} is damaged: {folder / file} is missing; take another one")
        if file_hash(folder / file) != expected:
            raise LakeError(f"back-up {backup.name} is damaged: {folder / file} has changed; take another one")
    return backup


def _described(folder: Path) -> Backup:
    try:
        record = json.loads((folder / "backup.json").read_text())
        return Backup(
            folder.name, folder, datetime.strptime(record["at"], _STAMP).replace(tzinfo=UTC), record.get("commits"),
            record.get("last_commit"), frozenset(record.get("lake_files", [])), dict(record["files"]),
            frozenset(record.get("takedowns", [])),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(f"back-up {folder.name} is damaged: {folder / 'backup.json'}: {error}; take another") from None


def contents(workspace: Workspace, catalog: Catalog, connection: Any = None) -> dict[str, Any]:
    """Return `commits` (how many), `last_commit`, `lake_files` and `takedowns` (done) of a catalogue as it is now.

    Args:
        workspace: The workspace.
        catalog: Its catalogue.
        connection: One that has the lake attached; None opens one of its own.

    Raises:
        LakeError: It cannot be read.
    """
    own = connection is None
    try:
        if own:
            connection = connect(catalog.extension, data_path=workspace.data_path)
            attach(connection, workspace, catalog, read_only=True)
        last = connection.execute("select seq, commit_id from commits order by seq desc limit 1").fetchone()
        tables = connection.execute("select table_name from duckdb_tables() where database_name = 'lake'").fetchall()
        done = "select distinct takedown_id from takedowns where event = 'done' order by all"
        takedowns = connection.execute(done).fetchall() if ("takedowns",) in tables else []
        rows = connection.execute(
            " union all ".join(
                f"select data_file, delete_file from ducklake_list_files('lake', '{table}')" for (table,) in tables
            )
        ).fetchall()
    except duckdb.Error as error:
        raise LakeError(f"{catalog.described} cannot be read: {explain(error, workspace.root)}") from error
    finally:
        if own and connection is not None:
            connection.close()
    files = sorted({path.removeprefix(workspace.data_path) for row in rows for path in row if path})
    return {
        "commits": last[0] if last else 0, "last_commit": last[1] if last else None, "lake_files": files,
        "takedowns": [row[0] for row in takedowns],
    }  # fmt: skip


def back_up(workspace: Workspace, catalog: Catalog, name: str | None = None, connection: Any = None) -> Path:
    """Copy the catalogue to a new folder of `backups/`; the caller holds the catalogue's lock.

    Args:
        workspace: The workspace.
        catalog: Its catalogue.
        name: Begins the folder's name.
        connection: One that has the lake attached; None opens one of its own.

    Returns:
        The folder.

    Raises:
        LakeError: The catalogue cannot be read, or the copy failed (disk full, say); nothing is left of it.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise LakeError(f"back-up name {name!r}: use letters, digits, - and _")
    stamp = datetime.now(UTC).strftime(_STAMP)
    holds = contents(workspace, catalog, connection)
    folder = workspace.folder("backups") / (f"{name}-{stamp}" if name else stamp)
    try:
        with atomic_folder(folder) as making:
            if isinstance(catalog, SqliteCatalog):
                for file in (catalog.file, catalog.beside):
                    if file.exists():
                        run([sys.executable, "-c", COPY, str(file), str(making / file.name)], f"copy of {file}")
            elif isinstance(catalog, PostgresCatalog):
                _dump(catalog, making / "catalog.dump")
            shutil.copy2(workspace.root / "workspace.json", making / "workspace.json")
            hashes = {file.name: file_hash(file) for file in sorted(making.iterdir())}
            record = {"catalog": catalog.described, "data": workspace.data_path, "files": hashes, "at": stamp, **holds}
            (making / "backup.json").write_text(json.dumps(record, indent=1) + "\n")
    except OSError as error:
        raise LakeError(f"back-up {folder}: {error}") from error
    return folder


def _dump(catalog: PostgresCatalog, file: Path) -> None:
    if shutil.which("pg_dump") is None:
        raise LakeError("pg_dump is not installed; install PostgreSQL's client tools (Debian: postgresql-client)")
    run(
        ["pg_dump", f"--dbname={catalog.conninfo}", f"--schema={catalog.schema}", "--format=custom", f"--file={file}"],
        f"dump of {catalog.described}",
    )


def fault_of(file: Path) -> str | None:
    """Return what SQLite finds wrong with a database file that it reads as a whole; None when nothing is.

    Asked in a process of its own, as `COPY` is.
    """
    done = subprocess.run([sys.executable, "-c", _READ, str(file)], capture_output=True, text=True, check=False)  # noqa: S603
    return (done.stderr.strip().splitlines() or ["it cannot be read"])[-1] if done.returncode else None


def run(command: Sequence[str], what: str) -> None:
    """Run one of our own commands.

    Raises:
        LakeError: It failed; with its last word.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        raise LakeError(f"{what} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no word'}")

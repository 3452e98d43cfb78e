"""Back-ups of the catalogue: what the Parquet files mean. The files themselves are copied with any tool, before or after.

backups/<name>/catalog.sqlite or catalog.dump   DuckLake's tables
backups/<name>/coordination.sqlite              leases, cursors (PostgreSQL has them in the dump)
backups/<name>/workspace.json
backups/<name>/backup.json                      hashes; written last
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from storage.catalog import Catalog, PostgresCatalog, SqliteCatalog
from storage.errors import LakeError
from storage.workspace import Workspace

_COPY = """
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
target.execute("pragma journal_mode=delete")
assert target.execute("pragma integrity_check").fetchone() == ("ok",)
"""
"""Runs in a process of its own: closing a file here would free the locks that DuckDB's SQLite holds on it."""


def back_up(workspace: Workspace, catalog: Catalog, name: str | None = None) -> Path:
    """Copy the catalogue to a new folder of `backups/`; the caller holds the catalogue's lock.

    Returns:
        The folder.

    Raises:
        LakeError: The copy failed (disk full, say); nothing is left of it.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    folder = workspace.folder("backups") / (f"{name}-{stamp}" if name else stamp)
    making = folder.with_name(f".{folder.name}.making")
    making.mkdir()
    try:
        if isinstance(catalog, SqliteCatalog):
            for file in (catalog.file, catalog.beside):
                if file.exists():
                    _run([sys.executable, "-c", _COPY, str(file), str(making / file.name)], f"copy of {file}")
        elif isinstance(catalog, PostgresCatalog):
            _dump(catalog, making / "catalog.dump")
        shutil.copy2(workspace.root / "workspace.json", making / "workspace.json")
        hashes = {file.name: file_hash(file) for file in sorted(making.iterdir())}
        said = {"catalog": catalog.described, "data": workspace.data_path, "files": hashes, "at": stamp}
        (making / "backup.json").write_text(json.dumps(said, indent=1) + "\n")
        making.rename(folder)
    except OSError as error:
        raise LakeError(f"back-up {folder}: {error}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def _dump(catalog: PostgresCatalog, file: Path) -> None:
    if shutil.which("pg_dump") is None:
        raise LakeError("pg_dump is not installed; install PostgreSQL's client tools (Debian: postgresql-client)")
    _run(
        ["pg_dump", f"--dbname={catalog.conninfo}", f"--schema={catalog.schema}", "--format=custom", f"--file={file}"],
        f"dump of {catalog.described}",
    )


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        raise LakeError(f"{what} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no word'}")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(workspace: Workspace, catalog: Catalog, folder: Path) -> Path | None:
    """Put the catalogue of a back-up in place of the one that is there, which is kept beside the back-ups first.

    Returns:
        Where the catalogue that was there is kept now; None when there was none that could be copied.

    Raises:
        LakeError: The back-up is damaged, or is of another catalogue.
    """
    try:
        said = json.loads((folder / "backup.json").read_text())
        changed = [name for name, digest in said["files"].items() if file_hash(folder / name) != digest]
    except (OSError, ValueError, KeyError) as error:
        raise LakeError(
            f"{folder} is no whole back-up ({error}); see the folders in {workspace.root}/backups"
        ) from None
    if changed:
        raise LakeError(f"back-up {folder}: {', '.join(changed)} changed since it was made; take another one")
    with catalog.lock("lake"):
        kept = _keep(workspace, catalog)
        if isinstance(catalog, PostgresCatalog):
            if not (folder / "catalog.dump").exists():
                raise LakeError(f"back-up {folder} is of a SQLite catalogue, this workspace has a PostgreSQL one")
            _run(
                ["pg_restore", f"--dbname={catalog.conninfo}", "--clean", "--if-exists", "--single-transaction",
                 "--no-owner", str(folder / "catalog.dump")],
                f"restoring {catalog.described}",
            )  # fmt: skip
        elif isinstance(catalog, SqliteCatalog):
            if not (folder / catalog.file.name).exists():
                raise LakeError(f"back-up {folder} holds no {catalog.file.name}")
            for file in (catalog.file, catalog.beside):
                for end in ("-wal", "-shm", "-journal"):
                    file.with_name(file.name + end).unlink(missing_ok=True)
                if (folder / file.name).exists():
                    shutil.copy2(folder / file.name, file.with_name(file.name + ".restoring"))
                    file.with_name(file.name + ".restoring").replace(file)
    shutil.copy2(folder / "workspace.json", workspace.root / "workspace.json")
    return kept


def _keep(workspace: Workspace, catalog: Catalog) -> Path | None:
    try:
        return back_up(workspace, catalog, "before-restore")
    except LakeError:
        if not isinstance(catalog, SqliteCatalog) or not catalog.file.exists():
            return None
        damaged = catalog.file.with_name(catalog.file.name + ".damaged")  # too damaged to be copied as a database
        catalog.file.replace(damaged)
        return damaged

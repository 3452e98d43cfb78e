"""Restoring a catalogue from a back-up, while other processes may have the lake open.

All or nothing: what can be checked is checked first, what was there is kept as a back-up, and the catalogue is replaced last,
in one transaction of its own database, so that processes which have it open see the old lake or the new one. Killed in
between, the lake opens, and the same command again finishes. Leases stay as they are: a fencing token never goes back.
"""

import json
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from storage.catalog.backup import COPY, Backup, back_up, contents, fault_of, find_backup, run
from storage.catalog.catalog import Catalog, PostgresCatalog, SqliteCatalog, catalog_of
from storage.catalog.duck import connect, quote
from storage.catalog.leases import Lease, acquire
from storage.errors import LakeError, NightschoolError, WorkspaceError
from storage.lake.lake import Lake
from storage.takedown.carry_out import note, recorded, resume
from storage.takedown.purge import Rewrite
from storage.workspace import FORMAT_VERSION, Workspace

_PUT_BACK = COPY.partition("target.execute")[0] + "target.execute('pragma journal_mode=wal')"
"""The same copy the other way, as one transaction of the catalogue's file; a new one is in WAL mode, as readers want it."""

_PG_BEFORE = """
set lock_timeout = '60s';
lock table "{schema}".nightschool_leases in access exclusive mode;
create temporary table kept_leases as select * from "{schema}".nightschool_leases;
drop schema "{schema}" cascade;
"""
_PG_AFTER = """
delete from "{schema}".nightschool_leases;
insert into "{schema}".nightschool_leases select * from pg_temp.kept_leases;
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration did, or would do.

    Attributes:
        backup: The back-up.
        commits: Commits that the lake has afterwards; None when the back-up does not say.
        commits_before: Commits that it had; None when its catalogue was missing or could not be read.
        kept: Folder of the back-up of what was there; None when nothing was.
        dry_run: Whether nothing was done.
        takedowns: Takedowns that the back-up knew nothing of, carried out again.
    """

    backup: str
    commits: int | None
    commits_before: int | None
    kept: str | None
    dry_run: bool
    takedowns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def restore(
    workspace: Workspace, name: str, *, force: bool = False, dry_run: bool = False, rewrite: Rewrite | None = None
) -> Restored:
    """Put the catalogue of a back-up in place of the one that is there, and take down again what was taken down since.

    Args:
        workspace: The workspace; its lake need not open.
        name: A folder, or the name of one in `backups/`.
        force: Go on although commits made since the back-up are lost to the lake (they are kept in a back-up).
        dry_run: Check, and do nothing.
        rewrite: Writes reports again after a takedown; without it, they are removed.

    Raises:
        LakeError: The back-up is damaged, of another catalogue or of a newer version; it names files that are gone; what is
            there is newer and `force` is False; or the copy failed, and the lake is as it was.
        LeaseError: Somebody maintains this lake.
    """
    backup = find_backup(workspace, name)
    format_ = _must_fit(workspace, backup)
    _must_have_files(workspace, backup)
    catalog = catalog_of(workspace)
    with acquire(catalog, "maintenance", purpose=f"restore of {backup.name}") as lease:
        if not dry_run:
            _remember_takedowns(workspace, catalog)
        with catalog.lock("lake"):
            before = _must_not_lose(workspace, catalog, backup, force=force or dry_run)
            kept = None
            if not dry_run:
                kept = _keep(workspace, catalog)
                if workspace.format != format_:
                    workspace.config["format"] = format_
                    workspace.write_config()
                if isinstance(catalog, PostgresCatalog):
                    _into_postgres(catalog, backup)
                elif isinstance(catalog, SqliteCatalog):
                    _into_sqlite(catalog, backup)
        taken_down = () if dry_run else _take_down_again(workspace, lease, rewrite)
    return Restored(backup.name, backup.commits, before, str(kept) if kept else None, dry_run, taken_down)


def _remember_takedowns(workspace: Workspace, catalog: Catalog) -> None:
    """Note in the workspace what the lake knows to be taken down, so that the back-up does not bring it back."""
    if not catalog.exists():
        return
    with (
        suppress(NightschoolError),
        Lake(workspace, read_only=True) as lake,
    ):  # one that cannot be read: what is noted holds
        for takedown in recorded(lake):
            note(workspace, takedown)


def _take_down_again(workspace: Workspace, lease: Lease, rewrite: Rewrite | None) -> tuple[str, ...]:
    if not any((workspace.root / "takedowns").glob("*.json")):
        return ()
    try:
        with Lake(workspace) as lake:
            return tuple(done["takedown_id"] for done in resume(lake, lease=lease, rewrite=rewrite))
    except NightschoolError as error:
        raise LakeError(
            f"the back-up is restored and holds what was taken down since: {error}; then run `nightschool lake takedown --resume`"
        ) from error


def _must_fit(workspace: Workspace, backup: Backup) -> int:
    """Refuse a back-up of another lake or a newer version; return the format it has."""
    config: dict[str, Any] = json.loads((backup.folder / "workspace.json").read_text())
    for what in ("catalog", "data"):
        if config.get(what) != workspace.config.get(what):
            raise LakeError(
                f"back-up {backup.name} has {what} {config.get(what) or 'in its workspace'}, workspace {workspace.root} has "
                f"{workspace.config.get(what) or 'it in its folder'}; take a back-up of this lake"
            )
    if config["format"] > FORMAT_VERSION:
        raise WorkspaceError(
            f"back-up {backup.name} has format {config['format']}, this version reads up to {FORMAT_VERSION}; "
            "update Nightschool"
        )
    return int(config["format"])


def _must_have_files(workspace: Workspace, backup: Backup) -> None:
    with closing(connect(data_path=workspace.data_path)) as connection:
        try:
            rows = connection.execute(f"select file from glob('{quote(workspace.data_path)}**')").fetchall()
        except duckdb.Error as error:
            raise LakeError(f"{workspace.data_path} cannot be listed: {error}") from error
    missing = sorted(backup.lake_files - {str(row[0]).removeprefix(workspace.data_path) for row in rows})
    if missing:
        raise LakeError(
            f"back-up {backup.name} names {len(missing):,} files that are gone from {workspace.data_path}, {missing[0]} among "
            "them; put them back from a copy first, or take a younger back-up"
        )


def _must_not_lose(workspace: Workspace, catalog: Catalog, backup: Backup, *, force: bool) -> int | None:
    """Refuse to lose commits that the back-up does not hold; return how many there are now."""
    if not catalog.exists():
        return None
    try:
        now = contents(workspace, catalog)
    except LakeError as error:
        if force:
            return None
        raise LakeError(f"{error}. Nobody can say what a restoration would lose; --force keeps it aside") from error
    if now["commits"] and now["last_commit"] != backup.last_commit and not force:
        holds = "an unknown number" if backup.commits is None else f"{backup.commits:,}"
        raise LakeError(
            f"the lake has {now['commits']:,} commits, back-up {backup.name} has {holds}: those made since would be lost; "
            "--force restores it all the same, and keeps what is there as a back-up"
        )
    return int(now["commits"])


def _keep(workspace: Workspace, catalog: Catalog) -> Path | None:
    """Back up what is there; a SQLite file that cannot be read is copied as it is."""
    if not catalog.exists():
        return None
    try:
        return back_up(workspace, catalog, "before-restore")
    except LakeError:
        if not isinstance(catalog, SqliteCatalog):
            raise
    folder = workspace.folder("backups", f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    try:
        for file in _files(catalog):
            shutil.copy2(file, folder / file.name)
    except OSError as error:
        raise LakeError(f"{catalog.file} cannot be kept in {folder}: {error}; nothing was restored") from error
    return folder


def _files(catalog: SqliteCatalog) -> list[Path]:
    names = [catalog.file, *(catalog.file.with_name(catalog.file.name + end) for end in ("-wal", "-shm", "-journal"))]
    return [file for file in names if file.exists()]


def _into_sqlite(catalog: SqliteCatalog, backup: Backup) -> None:
    source = backup.folder / catalog.file.name
    with catalog.transaction() as execute:
        for table in ("nightschool_cursors", "nightschool_meta"):
            execute(f"delete from {table}")
            for row in _rows(backup.folder / catalog.beside.name, table):
                execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
        for row in _rows(backup.folder / catalog.beside.name, "nightschool_files"):
            execute("insert into nightschool_files values (?, ?) on conflict (path) do nothing", row)
    command = [sys.executable, "-c", _PUT_BACK, str(source)]
    try:
        run([*command, str(catalog.file)], f"restoring {catalog.file}")
        return
    except LakeError:
        if not catalog.file.exists() or fault_of(catalog.file) is None:
            raise
    fresh = catalog.file.with_name(f".{catalog.file.name}.restoring")
    fresh.unlink(missing_ok=True)
    run([*command, str(fresh)], f"restoring {catalog.file}")
    for file in _files(catalog)[1:]:
        file.unlink()  # the journal of the damaged file, which is kept with it
    fresh.replace(catalog.file)


def _rows(file: Path, table: str) -> list[tuple[Any, ...]]:
    """Rows of a coordination table in a back-up; none when it had no such table yet."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        exists = connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchone()
        return connection.execute(f"select * from {table}").fetchall() if exists else []


def _into_postgres(catalog: PostgresCatalog, backup: Backup) -> None:
    """Drop the schema and make it again from the dump in one transaction."""
    script = backup.folder.parent / f".{backup.name}.sql"
    try:
        dump = backup.folder / "catalog.dump"
        run(["pg_restore", "--no-owner", f"--file={script}", str(dump)], f"reading {dump}")
        before, after = (text.format(schema=catalog.schema) for text in (_PG_BEFORE, _PG_AFTER))
        run(
            ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
             f"--dbname={catalog.conninfo}", f"--command={before}", f"--file={script}", f"--command={after}"],
            f"restoring {catalog.described}",
        )  # fmt: skip
    finally:
        script.unlink(missing_ok=True)

"""The text of what a takedown removed leaves every file: the lake's, the catalogue's, and those of this workspace.

Deleted rows stay in old snapshots, in Parquet files that hold a mark for them, in the free pages and journals of databases. Every
step here can be done again, and finds nothing to do then.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.catalog.backup import list_backups
from storage.catalog.catalog import Catalog, PostgresCatalog, SqliteCatalog
from storage.catalog.evolution import known_tables
from storage.catalog.leases import Lease
from storage.errors import LakeError
from storage.history.run import Run
from storage.lake.lake import Lake
from storage.lake.maintenance import expire, step
from storage.ledger.ledger import Ledger

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

Rewrite = Callable[[Lake, str], object]
"""Writes the report of a night again, from the lake as it is."""

_SCRUB = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("vacuum")
for _ in range(60):
    if connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0:
        break
    time.sleep(0.5)
else:
    sys.exit("a reader does not end")
"""
"""Runs in a process of its own: two SQLite libraries in one process must not open the same file."""


def purge(
    lake: Lake,
    lease: Lease,
    takedown: str,
    call_ids: Collection[str],
    *,
    say: Callable[[str], None],
    rewrite: Rewrite | None = None,
) -> dict[str, Any]:
    """Purge the lake, its catalogue and this workspace after the rows of a takedown were deleted.

    The caller holds the lease of maintenance and the lock of releases, and no night is at work here.

    Returns:
        Figures: `files_removed` of the lake, `orphans_left`, `statistics_left` (see `scrub_catalogue`), and those of
        `purge_workspace`.

    Raises:
        LakeError: A step failed, or a reader kept a file busy; the same call again goes on.
    """
    done = purge_workspace(lake, takedown, call_ids, say=say, rewrite=rewrite)
    done |= _purge_files(lake, lease, takedown, say)
    say("purge of the catalogue")
    return done | {"statistics_left": scrub_catalogue(lake.catalog)}


def _purge_files(lake: Lake, lease: Lease, takedown: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Write the files anew that hold deleted rows, let every snapshot but the last go, and remove what they needed.

    Files are written and named under the catalogue's lock, which `step` holds: one that is not named then is nobody's, unless
    another lake shares the place, or a back-up without the text names it.
    """
    say("purge of the lake's files")
    with step(lake, lease, "purge") as connection:
        connection.execute("call ducklake_flush_inlined_data('lake')").fetchall()
    for table in _with_deleted(lake):
        with step(lake, lease, f"purge of {table}") as connection:  # a result that is not fetched crashes the commit
            connection.execute(
                f"call ducklake_rewrite_data_files('lake', '{table}', delete_threshold => 0.0)"
            ).fetchall()
    if left := _with_deleted(lake):
        raise LakeError(f"files of {', '.join(left)} could not be written anew without the deleted rows; report it")
    expire(lake, lease, datetime.now(UTC) + timedelta(days=1))
    with step(lake, lease, "purge") as connection:
        old = connection.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
    named = {
        file for backup in list_backups(lake.workspace) if takedown in backup.takedowns for file in backup.lake_files
    }
    removed = 0
    with step(lake, lease, "purge of orphans") as connection:
        orphans = connection.execute(
            "call ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)"
        )
        left = [row[0] for row in orphans.fetchall() if row[0].removeprefix(lake.workspace.data_path) not in named]
        if "data" not in lake.workspace.config:
            for path in left:
                Path(path).unlink()
            removed, left = len(left), []
    return {"files_removed": len(old) + removed, "orphans_left": len(left)}


def _with_deleted(lake: Lake) -> list[str]:
    """Return the tables of which a file holds rows that are marked as deleted."""
    marked = " union all ".join(
        f"select '{table}' as name from ducklake_list_files('lake', '{table}') where delete_file is not null"
        for table in known_tables()
    )
    return [row["name"] for row in lake.rows(f"select distinct name from ({marked}) order by name")]


def scrub_catalogue(catalog: Catalog) -> bool:
    """Write the catalogue's database anew, so that no free page and no journal keeps what was deleted.

    Returns:
        Whether something was left: old samples in PostgreSQL's `pg_statistic`, which only the owner of the database may
        have written anew.

    Raises:
        LakeError: A reader keeps it busy.
    """
    if isinstance(catalog, SqliteCatalog):
        command = [sys.executable, "-c", _SCRUB, str(catalog.file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        if done.returncode:
            lines = done.stderr.strip().splitlines()[-1:] or ["no word"]
            raise LakeError(f"{catalog.file} cannot be purged: {lines[0]}; end who reads it, then run it with --resume")
    elif isinstance(catalog, PostgresCatalog):
        return _scrub_postgres(catalog)
    return False


def _scrub_postgres(catalog: PostgresCatalog) -> bool:
    import psycopg
    from psycopg import sql

    severities: list[str | None] = []
    try:
        with psycopg.connect(catalog.conninfo, autocommit=True, connect_timeout=10) as connection:
            connection.execute("set lock_timeout = '60s'")
            for (table,) in connection.execute(
                "select tablename from pg_tables where schemaname = %s", [catalog.schema]
            ).fetchall():
                name = sql.Identifier(catalog.schema, table)
                connection.execute(
                    sql.SQL("vacuum (full, analyze) {}").format(name)
                )  # analyze: its samples hold values
                _forget_statistics(connection, name)
            connection.add_notice_handler(lambda notice: severities.append(notice.severity_nonlocalized))
            connection.execute("vacuum (full) pg_catalog.pg_statistic")  # where the samples of before still lie
    except psycopg.Error as error:
        raise LakeError(
            f"{catalog.described} cannot be purged: {error}; end who reads it, then run it with --resume"
        ) from error
    return "WARNING" in severities  # what a role may not rewrite PostgreSQL skips with a warning


def _forget_statistics(connection: "psycopg.Connection[Any]", table: "sql.Composable") -> None:
    """Drop what PostgreSQL has sampled of a table that is empty now: `analyze` leaves it. To state a column's type again does."""
    from psycopg import sql

    if connection.execute(sql.SQL("select 1 from {} limit 1").format(table)).fetchone():
        return
    columns = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        [table.as_string(connection)],
    ).fetchall()
    changes = [sql.SQL("alter {} type ").format(sql.Identifier(name)) + sql.SQL(kind) for name, kind in columns]
    if changes:
        connection.execute(sql.SQL("alter table {} ").format(table) + sql.SQL(", ").join(changes))


def purge_workspace(
    lake: Lake,
    takedown: str,
    call_ids: Collection[str],
    *,
    say: Callable[[str], None],
    rewrite: Rewrite | None = None,
) -> dict[str, Any]:
    """Purge what this machine keeps beside the lake: ledger, index, releases, reports, back-ups, rows of killed work.

    Returns:
        `calls_removed`, `releases_removed`, `reports_rewritten`, `reports_removed`, `backups_removed`, `index_removed`.

    Raises:
        LakeError: The ledger or a file cannot be written.
    """
    root = lake.workspace.root
    say("purge of ledger, index, releases, reports and back-ups")
    calls = 0
    if lake.workspace.ledger.exists():
        with Ledger(lake.workspace.ledger) as ledger:
            calls = ledger.take_down(call_ids)
    try:
        done = {
            "calls_removed": calls,
            "index_removed": _purge_index(lake),
            "releases_removed": _purge_releases(lake),
            **_purge_reports(lake, rewrite),
            "backups_removed": _purge_backups(lake, takedown),
        }
        for pattern in ("backups/.*", "checkpoints/.*.rows.parquet", "spill/*", "servers/*/*.log*", "reports/.*"):
            for path in root.glob(pattern):
                _remove(path)
    except OSError as error:
        raise LakeError(f"purge of {root}: {error}; run it with --resume") from error
    lake.workspace.folder("takedowns").joinpath(f"{takedown}.purged").touch()
    return done


def _remove(path: Path) -> str:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path.name


def _purge_backups(lake: Lake, takedown: str) -> list[str]:
    """Remove the back-ups that were made before a takedown was done: they hold the text, or name files that are gone."""
    kept = {backup.folder for backup in list_backups(lake.workspace) if takedown in backup.takedowns}
    return sorted(_remove(path) for path in (lake.workspace.root / "backups").glob("*") if path not in kept)


def _purge_index(lake: Lake) -> int:
    """Remove the indexes that name a row which the lake does not have; the next night makes them again."""
    removed = 0
    for folder in (lake.workspace.root / "index").glob("*"):
        if any(_names_taken_down(lake, described.parent) for described in folder.glob("run-*/run.json")):
            _remove(folder)
            removed += 1
    return removed


def _names_taken_down(lake: Lake, folder: Path) -> bool:
    try:
        run = Run.open(folder)
    except ValueError:
        return True
    if str(json.loads((folder / "run.json").read_text()).get("scheme", "")).startswith("questions-"):
        return True  # it names problems, whose rows may have been the ones that were taken down
    taken_down = {row["id"] for row in lake.rows("select distinct unnest(sample_ids) as id from takedowns")}
    return any(run.id(row) in taken_down for row in range(run.rows))


def _purge_releases(lake: Lake) -> list[str]:
    """Remove the files of redacted releases, and what no release of the lake names: of runs that died while they exported."""
    kept = {
        lake.workspace.root / row["path"]
        for row in lake.rows("select path from releases where release_id not in (select release_id from redactions)")
    }
    unnamed = [path for path in (lake.workspace.root / "releases").glob("*/*") if path not in kept]
    return sorted(f"{path.parent.name}@{_remove(path)}" for path in unnamed)


def _purge_reports(lake: Lake, rewrite: Rewrite | None) -> dict[str, int]:
    """Write every report again: one night's quotes rows of others. One that cannot be written is removed."""
    written = removed = 0
    for path in sorted((lake.workspace.root / "reports").glob("[0-9]*.html")):  # their list quotes nothing
        night = f"{path.stem[:10]}/{path.stem[11:]}"
        before = path.stat().st_ino
        try:
            if rewrite is not None:
                rewrite(lake, night)
        except Exception:  # whatever it is: a report that cannot be written again must be gone
            before = path.stat().st_ino
        if rewrite is None or path.stat().st_ino == before:
            _remove(path)
            removed += 1
        else:
            written += 1
    return {"reports_rewritten": written, "reports_removed": removed}

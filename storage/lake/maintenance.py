"""What keeps a lake quick and small: small files merged, old snapshots expired, files that nothing needs removed.

Releases, cursors, lineage and time travel are decided by `commits` and by rows, and maintenance changes neither: merging keeps
each row's `commit_id`, and expiry drops DuckLake's snapshots, whose newest one holds every row. Each step counts the rows of
the table before and after, inside its transaction. A file leaves the disk `keep_days` after the lake let go of it, so that
readers end in peace and every back-up of those days still finds its files.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from storage.catalog.backup import back_up, list_backups
from storage.catalog.evolution import known_tables
from storage.catalog.hashes import Hashing, hash_of, lake_files, record_missing, recorded_hashes
from storage.catalog.leases import Lease, acquire
from storage.errors import LakeError
from storage.faults import explain
from storage.lake.lake import Lake

KEEP_DAYS = 7
"""Days that expired snapshots, replaced files and the back-ups of maintenance are kept."""

SMALL_BYTES = 64 << 20
"""Files below this are merged. Larger ones stay as they are, so a night rewrites its own rows and not the whole history."""

LEASE = "maintenance"

_AT_WORK = timedelta(days=1)
"""A file that no catalogue knows may belong to a writer at work until it is this old."""

Say = Callable[[str], None]


def _silent(_: str) -> None:
    return


def maintain_lake(
    lake: Lake,
    *,
    keep_days: int = KEEP_DAYS,
    dry_run: bool = False,
    orphans: bool = False,
    lease: Lease | None = None,
    say: Say = _silent,
) -> dict[str, Any]:
    """Back the catalogue up, merge small files, expire old snapshots, and remove what nothing needs any more.

    Killed at any moment, the lake opens and the same call again finishes.

    Args:
        lake: The lake, open for writing.
        keep_days: Days that snapshots, replaced files and earlier back-ups of maintenance are kept; at least 1.
        dry_run: Say what would be done, and do nothing.
        orphans: Remove orphaned files also where they are more than half of all, and where the lake's files lie outside the
            workspace (another lake may share the place).
        lease: That of maintenance, when the caller holds it; None takes it.
        say: Told of each step.

    Returns:
        `backup` (its folder), `compaction`, `expiry`, `cleaning` (each with its figures), `hashes_added` (to files without one).

    Raises:
        LeaseError: Somebody else maintains this lake.
        LakeError: The disk has no room for the merged files beside the old ones, or a step failed; what was done before stays.
    """
    before = _cutoff(keep_days)
    with nullcontext(lease) if lease else acquire(lake.catalog, LEASE, purpose="maintenance") as held:
        folder = None
        if not dry_run:
            say("back-up of the catalogue")
            with lake.lock(), _cursor(lake) as connection:
                folder = str(back_up(lake.workspace, lake.catalog, LEASE, connection))
        return {
            "workspace": str(lake.workspace.root),
            "dry_run": dry_run,
            "backup": folder,
            "compaction": compact(lake, held, dry_run=dry_run, say=say),
            "expiry": expire(lake, held, before, dry_run=dry_run, say=say),
            "cleaning": clean(lake, held, before, dry_run=dry_run, orphans=orphans, say=say),
            "hashes_added": 0 if dry_run else _hash(lake, say),
        }


def _hash(lake: Lake, say: Say) -> int:
    say("hashes of files that have none")
    with lake.lock(), _cursor(lake) as connection:
        return record_missing(connection, lake.workspace, lake.catalog)


def compact_lake(lake: Lake, *, dry_run: bool = False, say: Say = _silent) -> dict[str, Any]:
    """Merge small files and do nothing else; see `compact`."""
    with acquire(lake.catalog, LEASE, purpose="compaction") as lease:
        return compact(lake, lease, dry_run=dry_run, say=say)


def compact(lake: Lake, lease: Lease, *, dry_run: bool = False, say: Say = _silent) -> dict[str, Any]:
    """Move rows that DuckLake keeps in the catalogue to files, and merge small files, table by table.

    Args:
        lake: The lake.
        lease: That of maintenance.
        dry_run: Say what would be merged.
        say: Told of each table.

    Returns:
        `files_before`, `files_after`, `bytes_before`, `bytes_after` of the whole lake, `bytes_to_merge`, `rows_flushed` and
        `tables` (those that have something to merge).

    Raises:
        LakeError: Too little room on the disk, or a table's rows would not be the same afterwards; nothing is merged then.
    """
    before = sizes = _sizes(lake)
    _must_have_room(lake, sum(map(sum, _small(sizes).values())))
    flushed = 0
    if not dry_run:
        say("compaction of what DuckLake keeps in the catalogue")
        flushed = _flush(lake, lease)
        sizes = _sizes(lake)
    small = _small(sizes)
    if not dry_run:
        for table, of in sorted(small.items()):
            say(f"compaction of {table}: {len(of):,} files, {sum(of) / 1e6:,.1f} MB")
            _merge(lake, lease, table)
        sizes = _sizes(lake)
    return {
        "files_before": sum(map(len, before.values())), "files_after": sum(map(len, sizes.values())),
        "bytes_before": sum(map(sum, before.values())), "bytes_after": sum(map(sum, sizes.values())),
        "bytes_to_merge": sum(map(sum, small.values())), "tables": sorted(small), "rows_flushed": flushed,
    }  # fmt: skip


def _small(sizes: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return the sizes of the files to be merged, by table."""
    small = {table: [size for size in of if size < SMALL_BYTES] for table, of in sizes.items()}
    return {table: of for table, of in small.items() if len(of) > 1}


def _must_have_room(lake: Lake, needed: int) -> None:
    if "://" in lake.workspace.data_path or not needed:
        return
    free = shutil.disk_usage(lake.workspace.data).free
    if free < needed:
        raise LakeError(
            f"compaction needs {needed / 1e6:,.0f} MB beside the files it replaces, the disk of {lake.workspace.data} has "
            f"{free / 1e6:,.0f} MB free; nothing was merged: free some space and run it again"
        )


def _flush(lake: Lake, lease: Lease) -> int:
    """Write the rows that stand in the catalogue to files, all tables in one transaction; return how many."""
    with step(lake, lease, "compaction") as connection:
        flushed = connection.execute("call ducklake_flush_inlined_data('lake')").fetchall()
        _must_be_unchanged(lake, connection, sorted({row[1] for row in flushed}))
    return sum(int(row[2]) for row in flushed)


def _merge(lake: Lake, lease: Lease, table: str) -> None:
    """Merge the small files of a table in one transaction; rows keep their `commit_id`."""
    with step(lake, lease, f"compaction of {table}") as connection:
        _must_be_what_was_committed(lake, connection, table)
        connection.execute(
            f"call ducklake_merge_adjacent_files('lake', '{table}', max_file_size => {SMALL_BYTES})"
        ).fetchall()
        _must_be_unchanged(lake, connection, [table])


def _must_be_what_was_committed(lake: Lake, connection: Any, table: str) -> None:
    """Refuse to write a damaged file's rows into a new file, whose hash would then be right."""
    hashes = recorded_hashes(lake.workspace, lake.catalog)
    for file in lake_files(connection, lake.workspace, lake.catalog):
        if file.table == table and (file.bytes or 0) < SMALL_BYTES and file.path in hashes:
            try:
                intact = hash_of(connection, file.path) == hashes[file.path]
            except OSError as error:
                raise LakeError(
                    f"lake file {file.path} cannot be read ({error}); nothing of {table} was merged"
                ) from error
            if not intact:
                raise LakeError(
                    f"lake file {file.path} has changed since it was committed, so nothing of {table} was merged; put it back "
                    "from a copy, `nightschool lake check --deep` names all that are damaged"
                )


def _must_be_unchanged(lake: Lake, connection: Any, tables: Sequence[str]) -> None:
    """Compare rows in a transaction with those outside it; the caller holds the catalogue's lock, so nobody adds any."""
    for table in tables:
        (inside,) = connection.execute(f"select count(*) from {table}").fetchone()
        outside = lake.rows(f"select count(*) as n from {table}")[0]["n"]
        if inside != outside:
            raise LakeError(
                f"compaction would leave {inside:,} of {outside:,} rows of {table}; it was undone: `nightschool lake check`"
            )


def expire(lake: Lake, lease: Lease, before: datetime, *, dry_run: bool = False, say: Say = _silent) -> dict[str, int]:
    """Expire DuckLake's snapshots older than a moment; the newest one, which holds every row, always stays.

    Returns:
        `snapshots_expired` and `snapshots_kept`.

    Raises:
        LakeError: It failed; nothing is expired.
    """
    say("expiry of old snapshots")
    with step(lake, lease, "expiry") as connection:
        expired = len(
            connection.execute(
                f"call ducklake_expire_snapshots('lake', dry_run => {dry_run}, older_than => {_literal(before)})"
            ).fetchall()
        )
        (kept,) = connection.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
    return {"snapshots_expired": expired, "snapshots_kept": int(kept) - (expired if dry_run else 0)}


def clean(
    lake: Lake,
    lease: Lease,
    before: datetime,
    *,
    dry_run: bool = False,
    orphans: bool = False,
    say: Say = _silent,
) -> dict[str, Any]:
    """Remove what the lake let go of before a moment: files, orphans of killed writers, back-ups of maintenance, and exports
    that stood in the place of a release and were moved aside.

    Orphans are listed first. They stay when one of them is named by a back-up that is younger than that moment (the lake was
    restored, and may be restored forth again), and unless `orphans` also when they are more than half of all files (the
    catalogue may be the wrong one) or lie outside the workspace.

    Returns:
        `files_removed`, `bytes_removed`, `orphans_removed`, `orphans_held` (with `held_because`), `backups_removed`,
        `exports_removed`.

    Raises:
        LakeError: It failed; what is left goes the next time.
    """
    say("clean-up of files that nothing needs")
    options = f"older_than => {_literal(before)}"
    orphan_options = f"older_than => {_literal(min(before, datetime.now(UTC) - _AT_WORK))}"
    with step(lake, lease, "clean-up") as connection:
        old = _paths(connection, f"call ducklake_cleanup_old_files('lake', dry_run => true, {options})")
        stray = _paths(connection, f"call ducklake_delete_orphaned_files('lake', dry_run => true, {orphan_options})")
        named = len(lake_files(connection, lake.workspace, lake.catalog))
    held = _why_held(lake, stray, named, before, orphans)
    gone = [*old, *([] if held else stray)]
    size = sum(Path(path).stat().st_size for path in gone if Path(path).is_file())
    stale = [
        backup
        for backup in list_backups(lake.workspace)
        if backup.name.startswith(f"{LEASE}-") and backup.made_at < before
    ]
    exports = [
        folder
        for folder in (lake.workspace.root / "releases").glob("*/*.aside-*")
        if folder.stat().st_ctime < before.timestamp()
    ]
    if not dry_run:
        with step(lake, lease, "clean-up") as connection:
            connection.execute(f"call ducklake_cleanup_old_files('lake', {options})")
        if stray and not held:
            with step(lake, lease, "clean-up of orphans") as connection:
                connection.execute(f"call ducklake_delete_orphaned_files('lake', {orphan_options})")
        for folder in [*(backup.folder for backup in stale), *exports]:
            shutil.rmtree(folder)
    return {
        "files_removed": len(old), "bytes_removed": size, "orphans_removed": 0 if held else len(stray),
        "orphans_held": len(stray) if held else 0, "held_because": held, "backups_removed": [backup.name for backup in stale],
        "exports_removed": [str(lake.workspace.relative(folder)) for folder in exports],
    }  # fmt: skip


def _why_held(lake: Lake, stray: Sequence[str], named: int, before: datetime, orphans: bool) -> str | None:
    """Return why orphans must stay, of a lake whose catalogue names so many files; None when they may go."""
    if not stray:
        return None
    if "data" in lake.workspace.config and not orphans:
        return (
            f"the files lie in {lake.workspace.data_path}, which another lake may share: look at them with --dry-run, "
            "then remove them with --orphans"
        )
    for backup in list_backups(lake.workspace):
        if backup.made_at >= before and backup.lake_files & {
            path.removeprefix(lake.workspace.data_path) for path in stray
        }:
            return f"back-up {backup.name} names some of them; remove it if you will not restore it"
    if len(stray) > named and not orphans:
        return (
            f"the catalogue names {named:,} files beside them, so it may not be that of {lake.workspace.data_path}: look at "
            "them with `nightschool lake maintain --dry-run`, then remove them with `nightschool lake maintain --orphans`"
        )
    return None


def _sizes(lake: Lake) -> dict[str, list[int]]:
    """Return the sizes of every table's files as they are now, in bytes."""
    files = " union all ".join(
        f"select '{table}', data_file_size_bytes from ducklake_list_files('lake', '{table}')"
        for table in known_tables()
    )
    sizes: dict[str, list[int]] = {}
    with lake.lock(), _cursor(lake) as connection:
        for table, size in connection.execute(files).fetchall():
            sizes.setdefault(table, []).append(int(size))
    return sizes


def _paths(connection: Any, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement).fetchall()]


@contextmanager
def step(lake: Lake, lease: Lease, what: str) -> Iterator[Any]:
    """Give a connection in a transaction, under the catalogue's lock; it is committed while the lease surely holds."""
    with lake.lock(), _cursor(lake) as connection:
        try:
            connection.execute("BEGIN")
            hashing = Hashing(connection, lake.workspace, lake.catalog)
            yield connection
            hashing.before_commit()
            with lease.guard():
                connection.execute("COMMIT")
            hashing.after_commit()
        except duckdb.Error as error:
            raise LakeError(f"{what} failed: {explain(error, lake.workspace.root)}; run it again") from error


@contextmanager
def _cursor(lake: Lake) -> Iterator[Any]:
    connection = lake.connection.cursor()
    try:
        connection.execute("USE lake")
        yield connection
    finally:
        connection.close()  # what was not committed is rolled back


def _cutoff(keep_days: int) -> datetime:
    if keep_days < 1:
        raise LakeError(f"keep-days {keep_days}: at least 1, since readers and writers may be at work on younger files")
    return datetime.now(UTC) - timedelta(days=keep_days)


def _literal(moment: datetime) -> str:
    return f"'{moment.isoformat()}'::timestamptz"

"""Checks of what stands in files: the lake's Parquet files, the history index, and the folders of checkpoints."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from storage.catalog.duck import quote
from storage.catalog.hashes import LakeFile, hash_of, lake_files, recorded_hashes
from storage.errors import LakeError, NightschoolError
from storage.faults import bring_back, irregular
from storage.history.run import Run, changed_files
from storage.lake.lake import Lake
from storage.models.checkpoints import checkpoint_digest, weighing

_RESTORE = "bring it back from a back-up of the Parquet files"
_AGAIN = "remove the folder index/ of the workspace: the next night makes it again"


def guarded(name: str, found: Iterator[str]) -> Iterator[str]:
    """Give what a check finds; where it breaks off, why is a finding too, and the next check is made.

    Args:
        name: What is checked; begins that finding.
        found: The findings.
    """
    try:
        yield from found
    except NightschoolError as error:
        yield f"{name}: {error}"
    except OSError as error:
        yield f"{name}: {error.filename or 'a file'} cannot be read ({error.strerror or error}); put it back from a copy"
    except Exception as error:  # whatever it is, it must hide no other finding
        yield f"{name}: the check broke ({type(error).__name__}: {str(error)[:200]}); report it"


def damaged_files(lake: Lake, *, deep: bool = False) -> Iterator[str]:
    """Say which files of the catalogue are missing, or have not the size or the rows that it records.

    Args:
        lake: The lake.
        deep: Say also which are not byte for byte what was committed, and how many nobody can tell of.
    """
    hashes: dict[str, str] | None = None
    with lake.lock():  # between a commit and the record of its hashes there is a moment
        files = lake_files(lake.connection, lake.workspace, lake.catalog)
        if deep:
            try:
                hashes = recorded_hashes(lake.workspace, lake.catalog)
            except LakeError as error:
                yield f"files could not be compared with their hashes: {error}"
    without: list[LakeFile] = []
    for file in files:
        what = f"table {file.table}: {file.path}"
        wrong = _remote(lake, file) if "://" in file.path else _local(file)
        if wrong is None and hashes is not None:
            if file.path in hashes:
                wrong = _changed(lake, file, hashes[file.path])
            else:
                without.append(file)
        if wrong is not None:
            yield f"{what} {wrong}; {_RESTORE}"
    if without:
        yield (
            f"{len(without):,} of {len(files):,} files have no hash from their commit, {without[0].path} among them: a flipped "
            "bit in them would not be found; `nightschool lake maintain` records what they are now"
        )


def unreadable_files(lake: Lake) -> Iterator[str]:
    """Say over which files of the catalogue no query may be run: it might never end (a pipe), or end DuckDB (no size)."""
    with suppress(LakeError):  # a catalogue that cannot be read is named by the checks
        for file in lake_files(lake.connection, lake.workspace, lake.catalog):
            if irregular(Path(file.path)) == "no regular file":
                yield f"table {file.table}: {file.path} is no regular file; move it away and check again, {_RESTORE}"
            elif file.bytes is None:
                remedy = bring_back(lake.workspace.root)
                yield f"table {file.table}: {file.path} has no size in the catalogue, which is damaged; {remedy}"


def _changed(lake: Lake, file: LakeFile, sha256: str) -> str | None:
    try:
        return None if hash_of(lake.connection, file.path) == sha256 else "has changed since it was committed"
    except OSError as error:
        return f"cannot be read ({error})"


def _local(file: LakeFile) -> str | None:
    """Return what is wrong with a file on a disk; None when nothing is."""
    path = Path(file.path)
    try:
        size = path.stat().st_size
    except OSError:
        return "is missing"
    if what := irregular(path):
        return f"is {what}"
    if size != file.bytes:
        return f"has {size:,} bytes of {file.bytes:,}"
    if file.rows is None:
        return None
    try:
        rows = pq.read_metadata(path).num_rows
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"
    return None if rows == file.rows else f"has {rows:,} rows of {file.rows:,}"


def _remote(lake: Lake, file: LakeFile) -> str | None:
    if file.rows is None:
        return None
    try:
        (row,) = lake.connection.execute(f"select num_rows from parquet_file_metadata('{quote(file.path)}')").fetchall()
    except duckdb.Error as error:
        return f"cannot be read ({str(error).splitlines()[0]})"
    return None if row[0] == file.rows else f"has {row[0]:,} rows of {file.rows:,}"


def damaged_index(lake: Lake, *, deep: bool = False) -> Iterator[str]:
    """Say which runs of the history index are damaged, or name rows that the lake does not have; deep: hash their files too."""
    for file in sorted((lake.workspace.root / "index").glob("*/run-*/run.json")):
        try:
            run = Run.open(file.parent)
            damaged = changed_files(file.parent) if deep else []
        except (ValueError, OSError) as error:
            yield f"history index: {error}; {_AGAIN}"
            continue
        for name in damaged:
            yield f"history index: {file.parent / name} has changed since it was written; {_AGAIN}"
        for start in range(0, run.rows, 10_000):
            ids = [run.id(row) for row in range(start, min(run.rows, start + 10_000))]
            (row,) = lake.rows(
                "select count(*) as n from unnest(?::varchar[]) t(id) where id not in (select sample_id from samples) "
                "and id not in (select problem_id from problems)",
                [ids],
            )
            if row["n"]:
                yield f"history index: {file.parent} names {row['n']:,} rows that the lake does not have; {_AGAIN}"


def checkpoints_missing(lake: Lake) -> Iterator[str]:
    """Say which checkpoints that were not pruned have no folder, or something else in place of a file."""
    for identity, path in _checkpoints(lake):
        if not path.is_dir():
            yield f"checkpoint {identity[:12]}: {path} is missing; restore it, or train it again"
            continue
        for file in sorted(weighing(path)):
            if what := irregular(file):
                yield f"checkpoint {identity[:12]}: {file} is {what}; restore it, or train it again"


def checkpoints_changed(lake: Lake) -> Iterator[str]:
    """Say which checkpoints that were not pruned have no folder, or one that is not what its digest says."""
    yield from checkpoints_missing(lake)
    for identity, path in _checkpoints(lake):
        if path.is_dir() and not any(map(irregular, weighing(path))):
            yield from guarded(f"checkpoint {identity[:12]}", _changed_checkpoint(identity, path))


def _changed_checkpoint(identity: str, path: Path) -> Iterator[str]:
    if checkpoint_digest(path) != identity:
        yield f"checkpoint {identity[:12]}: {path} has changed since it was registered; restore it, or train it again"


def _checkpoints(lake: Lake) -> Iterator[tuple[str, Path]]:
    for row in lake.rows(
        "select distinct checkpoint_id, path from checkpoints where path is not null and path not in "
        "(select path from pruned) order by all"
    ):
        yield row["checkpoint_id"], lake.workspace.root / row["path"]

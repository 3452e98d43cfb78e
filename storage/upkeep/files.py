"""Checks of what stands in files: the lake's Parquet files, the history index, and the folders of checkpoints."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from storage.catalog.catalog import PostgresCatalog
from storage.catalog.duck import quote
from storage.errors import CheckpointError
from storage.history.run import Run
from storage.lake.lake import Lake
from storage.models.checkpoints import checkpoint_digest

_CATALOGUE = "__ducklake_metadata_lake"
_FILES = """
select t.table_name as "table", f.record_count as rows, f.file_size_bytes as bytes,
       case when not f.path_is_relative then f.path
            else if(t.path_is_relative, if(s.path_is_relative, $root, '') || s.path, '') || t.path || f.path end as path
from {at}.ducklake_data_file f
join {at}.ducklake_table t on t.table_id = f.table_id and t.end_snapshot is null
join {at}.ducklake_schema s on s.schema_id = t.schema_id and s.end_snapshot is null
order by path
"""
_RESTORE = "bring it back from a back-up of the Parquet files"
_AGAIN = "remove the folder index/ of the workspace: the next night makes it again"


def damaged_files(lake: Lake) -> Iterator[str]:
    """Say which Parquet files of the catalogue are missing, or have not the size or the rows that it records."""
    at = f'{_CATALOGUE}."{lake.catalog.schema}"' if isinstance(lake.catalog, PostgresCatalog) else _CATALOGUE
    for row in lake.query_named(_FILES.format(at=at), {"root": lake.workspace.data_path}).to_pylist():
        what = f"table {row['table']}: {row['path']}"
        if "://" in row["path"]:
            yield from _remote(lake, what, row["path"], row["rows"])
            continue
        path = Path(row["path"])
        try:
            size = path.stat().st_size
        except OSError:
            yield f"{what} is missing; {_RESTORE}"
            continue
        if size != row["bytes"]:
            yield f"{what} has {size:,} bytes of {row['bytes']:,}; {_RESTORE}"
            continue
        try:
            rows = pq.read_metadata(path).num_rows
        except (OSError, ValueError) as error:
            yield f"{what} cannot be read ({error}); {_RESTORE}"
            continue
        if rows != row["rows"]:
            yield f"{what} has {rows:,} rows of {row['rows']:,}; {_RESTORE}"


def _remote(lake: Lake, what: str, path: str, wanted: int) -> Iterator[str]:
    try:
        (row,) = lake.connection.execute(f"select num_rows from parquet_file_metadata('{quote(path)}')").fetchall()
    except duckdb.Error as error:
        yield f"{what} cannot be read ({str(error).splitlines()[0]}); {_RESTORE}"
        return
    if row[0] != wanted:
        yield f"{what} has {row[0]:,} rows of {wanted:,}; {_RESTORE}"


def damaged_index(lake: Lake) -> Iterator[str]:
    """Say which runs of the history index are damaged, or name rows that the lake does not have."""
    for file in sorted((lake.workspace.root / "index").glob("*/run-*/run.json")):
        try:
            run = Run.open(file.parent)
        except ValueError as error:
            yield f"history index: {error}; {_AGAIN}"
            continue
        for start in range(0, run.rows, 10_000):
            ids = [run.id(row) for row in range(start, min(run.rows, start + 10_000))]
            (row,) = lake.rows(
                "select count(*) as n from unnest(?::varchar[]) t(id) where id not in (select sample_id from samples)",
                [ids],
            )
            if row["n"]:
                yield f"history index: {file.parent} names {row['n']:,} rows that the lake does not have; {_AGAIN}"


def checkpoints_missing(lake: Lake) -> Iterator[str]:
    """Say which checkpoints that were not pruned have no folder."""
    for identity, path in _checkpoints(lake):
        if not path.is_dir():
            yield f"checkpoint {identity[:12]}: {path} is missing; restore it, or train it again"


def checkpoints_changed(lake: Lake) -> Iterator[str]:
    """Say which checkpoints that were not pruned have no folder, or one that is not what its digest says."""
    yield from checkpoints_missing(lake)
    for identity, path in _checkpoints(lake):
        if path.is_dir():
            try:
                identity_now = checkpoint_digest(path)
            except CheckpointError as error:
                yield f"checkpoint {identity[:12]}: {error}"
                continue
            if identity_now != identity:
                yield f"checkpoint {identity[:12]}: {path} has changed since it was registered; restore it, or train it again"


def _checkpoints(lake: Lake) -> Iterator[tuple[str, Path]]:
    for row in lake.rows(
        "select distinct checkpoint_id, path from checkpoints where path is not null and path not in "
        "(select path from pruned) order by all"
    ):
        yield row["checkpoint_id"], lake.workspace.root / row["path"]

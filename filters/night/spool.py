"""A night's rows as filters and policy go through them: sorted by id, in blocks; those of a large night in files of the workspace.

The files are made once for what the night holds, and a decision that was killed goes on from them; when it is committed they are
removed.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.base import FilterError
from filters.row_blocks import Block, RowBlocks
from storage.atomic import atomic_folder
from storage.ids import digest
from storage.lake import nights
from storage.lake.bounded import bounded, bounded_memory
from storage.lake.lake import Lake
from storage.releases.external_sort import sort_buckets

BLOCK_ROWS = 10_000
"""Rows of a block; ours: with their texts and sketches some 50 MB."""
_MOST_BLOCKS = 256  # open files
_SAMPLES = "select * exclude (commit_id) from samples where night = $night"
_VERDICTS = """
select sample_id, filter, version, outcome, reason, null::varchar as detail from observations
where filter <> 'policy' and sample_id in (select sample_id from samples where night = $night)
"""
_CUTS = """
select sample_id from (select sample_id, row_number() over (order by sample_id) as place from samples where night = $night)
where (place - 1) % $rows = 0 order by place
"""


@contextmanager
def night_in_blocks(lake: Lake, night: str, block_rows: int = BLOCK_ROWS) -> Iterator[RowBlocks]:
    """Give a night's rows, with their problems and what filters have said of them.

    Args:
        lake: The lake.
        night: The night.
        block_rows: Most rows of a block. A night of one block is held in memory.

    Raises:
        FilterError: An id is not the id of exactly one row.
    """
    (count,) = lake.rows("select count(*) as n from samples where night = ?", [night])
    if count["n"] <= block_rows:
        samples = nights.night_samples(lake, night)
        _refuse_repeated(samples, None)
        yield RowBlocks(
            [Block(samples.num_rows, samples, _problems(lake, samples), nights.night_verdicts(lake, night))]
        )
        return
    block_rows = max(block_rows, -(-count["n"] // _MOST_BLOCKS))
    folder = _folder(lake, night, block_rows)
    with bounded_memory(lake):
        if not folder.exists():
            with atomic_folder(folder) as making:
                _fill(lake, night, block_rows, making)
        yield RowBlocks(_blocks(folder), folder)


def remove_blocks(lake: Lake, night: str) -> None:
    """Remove a night's files."""
    shutil.rmtree(_of_night(lake, night), ignore_errors=True)


def _of_night(lake: Lake, night: str) -> Path:
    return lake.workspace.folder("spill") / f"night-{digest('night', night, length=16)}"


def _folder(lake: Lake, night: str, block_rows: int) -> Path:
    """The folder for what the night holds now; those for what it held before are removed."""
    commits = lake.rows("select commit_id from commits where night = ? order by seq", [night])
    name = digest("blocks 1", block_rows, [row["commit_id"] for row in commits], length=16)
    parent = _of_night(lake, night)
    parent.mkdir(exist_ok=True)
    for older in parent.iterdir():
        if older.name != name:
            shutil.rmtree(older, ignore_errors=True)
    return parent / name


def _fill(lake: Lake, night: str, block_rows: int, folder: Path) -> None:
    with bounded(lake) as connection:
        cuts = [row[0] for row in connection.execute(_CUTS, {"night": night, "rows": block_rows}).fetchall()][1:]
        before: str | None = None
        for number, samples in enumerate(_sorted(connection, _SAMPLES, night, cuts, folder)):
            before = _refuse_repeated(samples, before)
            pq.write_table(samples, folder / f"samples-{number:05d}.parquet")
        for number, verdicts in enumerate(_sorted(connection, _VERDICTS, night, cuts, folder)):
            pq.write_table(verdicts, folder / f"verdicts-{number:05d}.parquet")
    for path in sorted(folder.glob("samples-*.parquet")):
        pq.write_table(_problems(lake, pq.read_table(path, columns=["problem_id"])), _beside(path, "problems"))


def _sorted(connection: Any, statement: str, night: str, cuts: Sequence[str], folder: Path) -> Iterator[pa.Table]:
    """Yield the rows of a statement block by block."""
    reader = connection.execute(statement, {"night": night}).to_arrow_reader(10_000)
    return sort_buckets(reader, "sample_id", cuts, reader.schema, folder)


def _beside(samples: Path, name: str) -> Path:
    return samples.with_name(samples.name.replace("samples", name))


def _blocks(folder: Path) -> list[Block]:
    return [
        Block(pq.read_metadata(path).num_rows, path, _beside(path, "problems"), _beside(path, "verdicts"))
        for path in sorted(folder.glob("samples-*.parquet"))
    ]


def _problems(lake: Lake, samples: pa.Table) -> pa.Table:
    ids = pc.unique(samples["problem_id"].combine_chunks()).drop_null()
    return lake.query("select * from problems where problem_id in (select unnest(?::varchar[]))", [ids.to_pylist()])


def _refuse_repeated(samples: pa.Table, before: str | None) -> str | None:
    """Return the last id; FilterError where one is there twice, or is that of the row before."""
    ids = samples["sample_id"].to_pylist()
    for sample_id, other in zip([before, *ids], ids, strict=False):
        if sample_id == other:
            raise FilterError(f"samples: sample_id {other!r} is not the id of exactly one row")
    return ids[-1] if ids else before

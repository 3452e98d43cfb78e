"""Changed filters run again on many rows, in parts: a large night's some thousands at a time, those of small nights together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters import get_filter
from filters.base import VERDICTS, BoundFilter, Context, run_filters
from filters.benchmarks import BenchmarkManifest
from filters.night.evaluation_sets import evaluation_context
from storage.lake import nights
from storage.lake.lake import Lake
from storage.lake.verdicts import Stale
from storage.workspace import Workspace
from synth.sample import problem_of

PART_ROWS = 20_000
"""Most rows of a part, and of what one process works on at a time; ours: with their texts some 100 MB."""


@dataclass(frozen=True)
class Part:
    """Rows of one night that follow each other by id.

    Attributes:
        night: The night.
        stale: On what which filter has another version.
        rows: How many rows these are.
        options: Options of the filters to run, by name.
    """

    night: str
    stale: Sequence[Stale]
    rows: int
    options: Mapping[str, Mapping[str, Any]]


def parts_of(night: str, stale: Sequence[Stale], chosen: Sequence[BoundFilter]) -> Iterator[Part]:
    """Cut what is stale in a night into parts.

    Args:
        night: The night.
        stale: In the order of the rows' ids.
        chosen: The filters that run again.
    """
    options = {bound.name: bound.options.model_dump(mode="json") for bound in chosen}
    part: list[Stale] = []
    rows = 0
    for _, of_row in groupby(stale, key=lambda item: item.sample_id):
        if rows == PART_ROWS:
            yield Part(night, part, rows, options)
            part, rows = [], 0
        part.extend(of_row)
        rows += 1
    if part:
        yield Part(night, part, rows, options)


def batches_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Put parts that follow each other together, as long as they have no more rows than one part may have."""
    batches: list[list[Part]] = []
    room = 0
    for part in parts:
        if not batches or room < part.rows:
            batches.append([])
            room = PART_ROWS
        batches[-1].append(part)
        room -= part.rows
    return batches


def run_parts(root: Path, parts: Sequence[Part], manifest: BenchmarkManifest | None) -> list[pa.Table]:
    """Run each filter on the rows on which its verdict is stale; return the new verdicts of each part.

    Args:
        root: The workspace.
        parts: What to run.
        manifest: Benchmarks that filters may look at.
    """
    with Lake(Workspace.open(root), read_only=True) as lake:
        context = evaluation_context(lake, manifest)
        return [_run(lake, part, context) for part in parts]


def _run(lake: Lake, part: Part, context: Context) -> pa.Table:
    samples = samples_of(lake, sorted({item.sample_id for item in part.stale}))
    problem_ids = {problem for problem in samples["problem_id"].to_pylist() if problem}
    problems = {row["problem_id"]: problem_of(row) for row in nights.problem_rows(lake, ids=sorted(problem_ids))}
    tables = [VERDICTS.empty_table()]
    for name, options in part.options.items():
        ids = [item.sample_id for item in part.stale if item.filter == name]
        if ids:
            chosen = samples.filter(pc.is_in(samples["sample_id"], pa.array(ids, pa.string())))
            tables.append(run_filters([get_filter(name, options)], chosen, replace(context, problems=problems)))
    return pa.concat_tables(tables)


def samples_of(lake: Lake, ids: Sequence[str]) -> pa.Table:
    """Return rows by their ids, in the order of these."""
    return lake.query(
        "select * exclude (commit_id) from samples where sample_id in (select unnest(?::varchar[])) order by sample_id",
        [list(ids)],
    )

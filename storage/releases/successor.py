"""Successors of releases whose rows were decided otherwise since: the same data set, condition and mixture, as things stand now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.lake.lake import Lake
from storage.releases.making import COLUMNS, create_release
from storage.releases.mixture import read_mixture
from storage.releases.reading import Release, latest_release
from storage.sql.conditions import taken
from storage.sql.inspection import is_plain

_GONE = """
select count(*) as n from release_rows where release_id = $release and sample_id in (
    select sample_id from decisions where outcome <> 'accepted' union all select unnest($leaving::varchar[])
)
"""
_COMING = """
select sample_id from samples join problems p using (problem_id)
where p.split = 'train' and sample_id not in (select sample_id from release_rows where release_id = $release)
and sample_id in (
    select unnest($coming::varchar[])
    union
    select v.sample_id from verdicts v join commits c using (commit_id) join decisions d using (sample_id)
    where c.kind = $kind and c.seq > $at and v.filter = 'policy' and d.outcome = 'accepted'
)
"""
_FITTING = f"""
select sample_id from (select {COLUMNS} from samples a join problems p using (problem_id)) a where ({{condition}}
)"""
_HOLDING = """
select r.release_id, count(*) as rows from release_rows r join releases using (release_id)
where r.sample_id in (select unnest($ids::varchar[])) and r.release_id not in (select release_id from redactions)
group by r.release_id, name, version order by name, version
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A release that other decisions have overtaken.

    Attributes:
        release: The latest of its data set.
        rows_out: Rows of it that are not accepted any more.
        rows_in: Rows that were accepted since by a judgement of history, and fit its condition.
    """

    release: Release
    rows_out: int
    rows_in: int


def holding(lake: Lake, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return the releases that hold one of these rows, with how many: `release_id`, `rows`."""
    return list(lake.query_named(_HOLDING, {"ids": sorted(ids)}).to_pylist())


def due_successors(lake: Lake, kind: str, *, leaving: Collection[str] = (), coming: Collection[str] = ()) -> list[Due]:
    """Return the latest releases that do not stand for today's decisions, by name.

    Args:
        lake: The lake.
        kind: Kind of the commits that have judged history.
        leaving: Rows that are about to be rejected.
        coming: Rows that are about to be accepted.

    Raises:
        LakeError: A query failed.
        QueryError: The condition of a release takes too long or too much, or fails in its process.
    """
    due = []
    for row in lake.rows("select distinct name from releases order by name"):
        release = latest_release(lake, row["name"])
        if release is None or release.redaction is not None:
            continue
        out = {"release": release.id, "leaving": sorted(leaving)}
        at = {"release": release.id, "coming": sorted(coming), "kind": kind, "at": release.manifest["at_seq"]}
        rows_out = lake.query_named(_GONE, out).to_pylist()[0]["n"]
        rows_in = _fitting(lake, release, lake.query_named(_COMING, at)["sample_id"])
        if rows_out or rows_in:
            due.append(Due(release, rows_out, rows_in))
    return due


def _fitting(lake: Lake, release: Release, ids: pa.ChunkedArray) -> int:
    """Count the rows among these that fit the condition of a release."""
    condition = release.manifest["condition"]
    statement = _FITTING.format(condition=condition)
    if not len(ids):
        return 0
    if is_plain(condition):
        some = f"{statement} and sample_id in (select unnest($ids::varchar[]))"
        return int(lake.query_named(some, {"ids": ids.to_pylist()}).num_rows)
    batches = taken(lake.workspace, statement, f"release {release.id}: condition {condition!r}")
    return sum(int(pc.is_in(batch.column(0), ids).true_count) for batch in batches)


def succeed(lake: Lake, release: Release, extra: Mapping[str, Any]) -> Release | None:
    """Make the successor of a release, by its own condition and mixture.

    Args:
        lake: The lake.
        release: The latest of its data set.
        extra: What else the manifest should say.

    Returns:
        The new release; the same one when its rows are the same; None when no row is left.

    Raises:
        LakeError: It cannot be written.
    """
    manifest = release.manifest
    mixture = [f"{part}={share}" for part, share in (manifest.get("mixture") or {}).items()]
    kept = {name: manifest[name] for name in ("recipe", "benchmarks") if name in manifest}
    return create_release(
        lake,
        release.name,
        night=manifest.get("night"),
        condition=manifest["condition"],
        mixture=read_mixture(mixture) if mixture else None,
        extra={**kept, "predecessor": release.id, **extra},
        recorded=True,
    )

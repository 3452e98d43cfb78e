"""What stands in the lake about rows that were decided: the last verdict of each filter with its version, the last decision."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from storage.lake.lake import Lake

_LAST = """
select v.sample_id, v.filter, v.version, v.outcome, v.reason, v.detail from observations v join commits c using (commit_id)
where v.filter <> 'policy' and v.sample_id in ({rows})
qualify row_number() over (partition by v.sample_id, v.filter order by c.seq desc) = 1
"""
_MINE = """
night_rows as (
    select sample_id, coalesce(task, '') as task from samples
    where night = $night and ($all or sample_id in (select unnest($ids::varchar[])))
), mine as (
    select * from night_rows where sample_id in (
        select sample_id from verdicts where filter = 'policy' and sample_id in (select sample_id from night_rows)
    )
)"""
"""The decided rows of a night."""
_STALE = f"""
with {_MINE},
last as ({_LAST.format(rows="select sample_id from mine")}),
expected as (
    select unnest($filters::varchar[]) as filter, unnest($tasks::varchar[]) as task, unnest($versions::varchar[]) as version
)
select m.sample_id, e.filter, l.version as stored, e.version as today
from mine m join expected e using (task) left join last l on l.sample_id = m.sample_id and l.filter = e.filter
where l.version is distinct from e.version order by all
"""
_VERSIONS = f"""
with {_MINE},
last as ({_LAST.format(rows="select sample_id from mine")})
select filter, version, count(*) as rows from last where filter in (select unnest($filters::varchar[])) group by all order by all
"""
_COUNTS = """
select s.method, s.problem_id, count(*) as rows from samples s join decisions d using (sample_id)
where d.outcome = 'accepted' and s.problem_id in (select unnest($problems::varchar[]))
  and s.sample_id not in (select unnest($without::varchar[])) group by all
"""


_SHOWN = """
select s.sample_id, s.night, left(p.prompt, 200) as question, left(p.gold, 80) as gold,
       right(coalesce(s.response, s.text, ''), 200) as response
from samples s left join problems p using (problem_id) where s.sample_id in (select unnest($ids::varchar[]))
qualify row_number() over (partition by s.sample_id) = 1
"""


@dataclass(frozen=True, slots=True)
class Stale:
    """A row on which the last verdict of a filter has another version than the filter has today.

    Attributes:
        sample_id: The row.
        filter: The filter.
        stored: Version of its last verdict; None when there is none.
        today: The filter's version.
    """

    sample_id: str
    filter: str
    stored: str | None
    today: str


def decided_nights(lake: Lake) -> list[str]:
    """Return the nights that have decided rows, in order."""
    rows = lake.rows(
        "select distinct night from samples where night is not null "
        "and sample_id in (select sample_id from verdicts where filter = 'policy') order by all"
    )
    return [row["night"] for row in rows]


def night_tasks(lake: Lake, night: str) -> list[str]:
    """Return the tasks of a night's rows; '' for rows that have none."""
    rows = lake.rows("select distinct coalesce(task, '') as task from samples where night = ? order by all", [night])
    return [row["task"] for row in rows]


def night_methods(lake: Lake, night: str) -> list[str]:
    """Return the methods of a night's rows."""
    return [
        row["method"] for row in lake.rows("select distinct method from samples where night = ? order by all", [night])
    ]


def night_versions(lake: Lake, night: str) -> list[tuple[str, str | None]]:
    """Return every filter and version, of the policy too, in the verdicts on a night's rows."""
    rows = lake.rows(
        "select distinct v.filter, v.version from observations v join samples s using (sample_id) where s.night = ? order by all",
        [night],
    )
    return [(row["filter"], row["version"]) for row in rows]


def shown_rows(lake: Lake, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return some rows as people are shown them: the beginning of what is asked, and the end of what is answered."""
    return list(lake.query_named(_SHOWN, {"ids": sorted(ids)}).to_pylist())


def stale_rows(
    lake: Lake, night: str, expected: Iterable[tuple[str, str, str]], ids: Collection[str] | None = None
) -> list[Stale]:
    """Return the decided rows of a night on which a filter has said something in another version than today's, or nothing.

    Args:
        lake: The lake.
        night: The night.
        expected: Filter, task and version of today.
        ids: Only these rows; None means all.
    """
    filters, tasks, versions = ([*column] for column in zip(*expected, strict=True))
    given = {"filters": filters, "tasks": tasks, "versions": versions, **_selected(night, ids)}
    return [Stale(**row) for row in lake.query_named(_STALE, given).to_pylist()]


def verdict_versions(
    lake: Lake, night: str, filters: Collection[str], ids: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return the versions of some filters' last verdicts on a night's decided rows: `filter`, `version`, `rows`."""
    given = {"filters": sorted(filters), **_selected(night, ids)}
    return list(lake.query_named(_VERSIONS, given).to_pylist())


def standing_verdicts(lake: Lake, ids: Sequence[str]) -> pa.Table:
    """Return the last verdict of each filter on some rows."""
    return lake.query(_LAST.format(rows="select unnest(?::varchar[])"), [list(ids)])


def standing_decisions(lake: Lake, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Return outcome and reason of the last decision on some rows."""
    rows = lake.rows(
        "select sample_id, outcome, reason from decisions where sample_id in (select unnest(?::varchar[]))", [list(ids)]
    )
    return {row["sample_id"]: (row["outcome"], row["reason"]) for row in rows}


def accepted_about(lake: Lake, problems: Collection[str], without: Collection[str]) -> dict[tuple[str, str], int]:
    """Count the accepted rows of all nights by method and problem, some rows left out."""
    rows = lake.query_named(_COUNTS, {"problems": sorted(problems), "without": sorted(without)}).to_pylist()
    return {(row["method"], row["problem_id"]): row["rows"] for row in rows}


def signed(lake: Lake, ids: Sequence[str]) -> set[str]:
    """Return which of these rows have a signature."""
    rows = lake.rows(
        "select distinct sample_id from signatures where sample_id in (select unnest(?::varchar[]))", [list(ids)]
    )
    return {row["sample_id"] for row in rows}


def _selected(night: str, ids: Collection[str] | None) -> dict[str, Any]:
    return {"night": night, "all": ids is None, "ids": sorted(ids or ())}

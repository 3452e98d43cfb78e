"""Successors of releases that hold a row which is taken down: the same rows without it, in the same order and the same splits.

A successor is a release of its own with a new version; its manifest names the release that it replaces and the takedown. What is
said of how the rows were made (rejections, counts per stage) stays as it was when the release was made.
"""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from storage.lake.bounded import bounded
from storage.lake.lake import Lake, table_of
from storage.releases.facts import facts
from storage.releases.making import COLUMNS, PICKED, export_release, next_id
from storage.releases.reading import Release, get_release

_REMAINING = f"""
create temp table picked as
select {PICKED} from (
    select {COLUMNS} from release_rows r join samples a using (sample_id) join problems p using (problem_id)
    where r.release_id = ? and a.sample_id not in (select unnest(?::varchar[]))
)
"""


def hit_releases(lake: Lake, sample_ids: Collection[str]) -> list[str]:
    """Return the releases that hold one of these rows and were not redacted yet, by name and version."""
    rows = lake.rows(
        "select release_id from releases where release_id in "
        "(select release_id from release_rows where sample_id in (select unnest(?::varchar[]))) "
        "and release_id not in (select release_id from redactions) order by name, version",
        [list(sample_ids)],
    )
    return [row["release_id"] for row in rows]


def export_successors(
    lake: Lake, releases: Collection[str], sample_ids: Collection[str], takedown: str, say: Callable[[str], None]
) -> dict[str, pa.Table]:
    """Export a successor of each release, and return the rows to commit, of `releases`, `release_rows` and `redactions`.

    The caller holds the lock `storage.releases.making.CHANGING`. Exported again, files that no commit named are written anew.

    Raises:
        LakeError: The files cannot be written (disk full, say).
    """
    tables_of: dict[str, list[pa.Table]] = {"releases": [], "release_rows": []}
    redactions = []
    taken: dict[str, int] = {}
    for release_id in releases:
        release = get_release(lake, release_id)
        say(f"successor of {release.id}")
        name, _, first = next_id(lake, release.name).partition("@")
        successor = f"{name}@{int(first) + taken.get(name, 0)}"
        left = _export(lake, release, successor, sample_ids, takedown, tables_of)
        if left:
            taken[name] = taken.get(name, 0) + 1
        redactions.append({
            "release_id": release.id, "successor": successor if left else None, "takedown_id": takedown,
            "rows": release.rows - left, "created_at": datetime.now(UTC),
        })  # fmt: skip
    tables = {name: pa.concat_tables(parts) for name, parts in tables_of.items() if parts}
    return {**tables, "redactions": table_of("redactions", redactions)} if redactions else tables


def _export(
    lake: Lake,
    release: Release,
    successor: str,
    sample_ids: Collection[str],
    takedown: str,
    tables_of: dict[str, list[pa.Table]],
) -> int:
    """Export the rows that are left, and return how many there are."""
    with bounded(lake) as connection:
        connection.execute(_REMAINING, [release.id, list(sample_ids)])
        figures = facts(connection)
        left = int(figures["rows"])
        if left:
            kept = {name: release.manifest[name] for name in ("stages", "rejections") if name in release.manifest}
            manifest: dict[str, Any] = {
                **json.loads(json.dumps(dict(release.manifest))), **figures, **kept, "release": successor,
                "predecessor": release.id, "takedown": takedown, "rows_taken_down": release.rows - left,
            }  # fmt: skip
            for name, table in export_release(lake, connection, manifest).items():
                tables_of[name].append(table)
    return left

"""Releases compared with each other, and with what their manifests say."""

import heapq
import json
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from storage.faults import irregular
from storage.ids import file_hash
from storage.lake.lake import Lake
from storage.releases.content import CONTENT, ContentHash, content_line
from storage.releases.reading import Release, get_release
from storage.releases.shards import read_batches

_DIFF = """
with old as (select sample_id from release_rows where release_id = $old),
new as (select sample_id from release_rows where release_id = $new)
select coalesce(s.method, '(taken down)') as method, coalesce(s.source, '') as source,
       count(*) filter (where o.sample_id is null) as rows_in, count(*) filter (where n.sample_id is null) as rows_out,
       count(*) filter (where o.sample_id is not null and n.sample_id is not null) as kept,
       coalesce(sum(s.words) filter (where o.sample_id is null), 0)::bigint as words_in,
       coalesce(sum(s.words) filter (where n.sample_id is null), 0)::bigint as words_out
from (from old union from new) b left join old o using (sample_id) left join new n using (sample_id)
left join samples s using (sample_id) group by all order by all
"""
_OUT = """
with old as (select sample_id from release_rows where release_id = $old),
new as (select sample_id from release_rows where release_id = $new),
gone as (select distinct unnest(sample_ids) as sample_id from takedowns)
select case when g.sample_id is not null then 'taken down'
            else coalesce(d.reason, 'accepted still: the condition or the mixture leaves them out') end as reason,
       count(*) as rows
from old left join (from decisions where outcome = 'rejected') d using (sample_id) left join gone g using (sample_id)
where sample_id not in (from new) group by all order by all
"""


def diff_releases(lake: Lake, old: str, new: str) -> dict[str, Any]:
    """Say which rows came in and went out between two releases.

    Returns:
        `old`, `new`, `rows_in`, `rows_out`, `kept`, `by_method` (the same by method and source, with words), and
        `reasons` (why rows that went out are no longer accepted).

    Raises:
        LakeError: There is no such release.
    """
    ids = {"old": get_release(lake, old).id, "new": get_release(lake, new).id}
    lines = lake.query_named(_DIFF, ids).to_pylist()
    return {
        **ids,
        **{name: sum(line[name] for line in lines) for name in ("rows_in", "rows_out", "kept")},
        "by_method": [line for line in lines if line["rows_in"] or line["rows_out"]],
        "reasons": lake.query_named(_OUT, ids).to_pylist(),
    }


def verify_release(lake: Lake, release: Release) -> list[str]:
    """Check a release against its manifest: every file's hash and rows, the manifest on disk, the rows recorded, the content.

    Of a redacted release the rows recorded are checked, and that its files are gone.

    Returns:
        What is wrong, a sentence each; empty when nothing is.
    """
    faults = _files(release) if release.redaction is None else _left(release)
    if not faults and release.redaction is None and _content_hash(release) != release.content_hash:
        faults.append(f"release {release.id}: the rows do not have the content hash of the manifest")
    recorded = lake.rows("select count(*) as n from release_rows where release_id = ?", [release.id])[0]["n"]
    if recorded != release.rows:
        faults.append(f"release {release.id}: the lake records {recorded:,} rows, the manifest says {release.rows:,}")
    return faults


def _left(release: Release) -> list[str]:
    if not release.path.exists():
        return []
    return [f"release {release.id}: it was redacted, but {release.path} is there; `nightschool lake takedown --resume`"]


def _files(release: Release) -> list[str]:
    faults, rows = [], 0
    manifest = release.path / "manifest.json"
    if what := irregular(manifest):
        faults.append(f"release {release.id}: {manifest} is {what}; restore it from a back-up")
    elif not manifest.exists():
        faults.append(f"release {release.id}: {manifest} is missing; restore it from a back-up")
    elif _read(manifest) != dict(release.manifest):
        faults.append(f"release {release.id}: {manifest} is not what the lake recorded; restore it from a back-up")
    for name, entry in sorted(release.manifest["files"].items()):
        file = release.path / name
        if what := irregular(file):
            faults.append(f"release {release.id}: {file} is {what}; restore it from a back-up")
        elif not file.exists():
            faults.append(f"release {release.id}: {file} is missing; restore it from a back-up")
        elif file_hash(file) != entry["sha256"]:
            faults.append(f"release {release.id}: {file} has changed; restore it from a back-up")
        else:
            rows += pq.read_metadata(file).num_rows
    more = {str(path.relative_to(release.path)) for path in (release.path / "data").glob("*")} - set(
        release.manifest["files"]
    )
    faults += [
        f"release {release.id}: {release.path / name} is not in the manifest; remove it" for name in sorted(more)
    ]
    if not faults and rows != release.rows:
        faults.append(f"release {release.id}: its files hold {rows:,} rows, the manifest says {release.rows:,}")
    return faults


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _content_hash(release: Release) -> str:
    """Hash the rows of the export again, in order of id: a merge of its methods, whose files are in that order."""
    groups: dict[str, list[Path]] = {}
    for name in sorted(release.manifest["files"]):
        groups.setdefault(name.rpartition("-")[0], []).append(release.path / name)
    content = ContentHash()
    streams = [_rows(files) for files in groups.values()]
    for row in heapq.merge(*streams, key=itemgetter("sample_id")):
        content.add(content_line(row))
    return content.hexdigest()


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    for batch in read_batches(files, list(CONTENT), rows=1_000):
        yield from batch.to_pylist()

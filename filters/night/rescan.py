"""Scans history again when the manifest of benchmarks has grown: what is hit is rejected, and the next release drops it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters import get_filter
from filters.base import VERDICTS, Context
from filters.benchmarks import BenchmarkManifest
from filters.leaks.inherit import inherit
from filters.night.policy import BY_PEOPLE, NAME, VERSION
from storage.ids import digest
from storage.lake.lake import Lake
from storage.lake.nights import problem_rows
from storage.spreading import Spread, here
from storage.workspace import Workspace
from synth.sample import problem_of

PART_ROWS = 20_000
"""Rows of the nights that are scanned together, unless one night has more."""
_LET_IN = """
select sample_id from (
    select v.sample_id, v.outcome, v.reason from observations v join commits c using (commit_id)
    where v.filter = 'policy' and v.night in ({nights})
    qualify row_number() over (partition by v.sample_id order by c.seq desc) = 1
) where outcome = 'accepted' or starts_with(reason, ?) order by sample_id
"""
_FAMILY = """
select sample_id, parents from accepted
union all select sample_id, parents from samples where sample_id in (select unnest(?::varchar[]))
"""


def rescan(
    lake: Lake,
    manifest: BenchmarkManifest,
    options: Mapping[str, Any] | None = None,
    *,
    batch: int = PART_ROWS,
    spread: Spread = here,
    on_done: Callable[[int, int], None] = lambda _done, _parts: None,
) -> int:
    """Judge every accepted row against a manifest, once per manifest and options, and reject what it flags.

    Rows that only people keep out are judged too: a review may let them in at any time. History is scanned in parts of whole
    nights, each a commit of its own, so that a scan that was killed goes on with those that are left.

    Args:
        lake: The lake.
        manifest: The grown manifest.
        options: Options of `decontamination`, as the recipe gives them.
        batch: Rows that are held in memory at a time, and of a part.
        spread: Where parts are scanned.
        on_done: Is told how many parts are done, and of how many.

    Returns:
        How many rows were rejected; 0 when this manifest was scanned for before.
    """
    key = f"rescan:{manifest.digest}:{get_filter('decontamination', options).version}"
    if lake.has(key):
        return 0
    parts = {f"{key}:{digest(part, length=16)}": part for part in _parts(lake, batch)}
    left = {name: part for name, part in parts.items() if not lake.has(name)}
    work = [(lake.workspace.root, part, manifest, options, batch) for part in left.values()]
    for number, (name, hits) in enumerate(zip(left, spread(scan, work), strict=True), len(parts) - len(left) + 1):
        lake.commit(name, "rescan", {"verdicts": _stamp(lake, hits)})
        on_done(number, len(parts))
    hits = lake.query(
        f"select {', '.join(VERDICTS.names)} from verdicts join commits using (commit_id) "
        "where starts_with(key, ?) and filter = 'decontamination' order by sample_id",
        [f"{key}:"],
    )
    inherited = inherit(lake.query(_FAMILY, [hits["sample_id"].to_pylist()]), hits) if hits.num_rows else hits
    lake.commit(key, "rescan", {"verdicts": _stamp(lake, inherited)})
    return int(hits.num_rows + inherited.num_rows)


def scan(
    root: Path, of_nights: Sequence[str], manifest: BenchmarkManifest, options: Mapping[str, Any] | None, batch: int
) -> pa.Table:
    """Return failing verdicts on the rows of some nights that are accepted, or kept out by people alone."""
    bound = get_filter("decontamination", options)
    tables = [VERDICTS.empty_table()]
    with Lake(Workspace.open(root), read_only=True) as lake:
        statement = _LET_IN.format(nights=", ".join("?" * len(of_nights)))
        ids = [row["sample_id"] for row in lake.rows(statement, [*of_nights, f"{BY_PEOPLE}:"])]
        for start in range(0, len(ids), batch):
            chosen = ids[start : start + batch]
            samples = lake.query("select * from samples where sample_id in (select unnest(?::varchar[]))", [chosen])
            wanted = sorted({problem_id for problem_id in samples["problem_id"].to_pylist() if problem_id})
            problems = {row["problem_id"]: problem_of(row) for row in problem_rows(lake, ids=wanted)}
            verdicts = bound(samples, Context(problems=problems, manifest=manifest))
            tables.append(verdicts.filter(pc.equal(verdicts["outcome"], "fail")))
    return pa.concat_tables(tables)


def _parts(lake: Lake, rows: int) -> list[list[str]]:
    """Return the nights, oldest first, in lists of about so many rows: the same lists until nights are added."""
    parts: list[list[str]] = []
    room = 0
    for night in lake.rows("select night, count(*) as rows from samples group by night order by night"):
        if not parts or room < night["rows"]:
            parts.append([])
            room = rows
        parts[-1].append(night["night"])
        room -= night["rows"]
    return parts


def _stamp(lake: Lake, hits: pa.Table) -> pa.Table:
    """Add the policy's decisions, and the nights of the rows."""
    reasons = [f"decontamination:{reason}" for reason in hits["reason"].to_pylist()]
    count = hits.num_rows
    decisions = pa.table(
        {
            "sample_id": hits["sample_id"],
            "filter": [NAME] * count,
            "version": [f"{VERSION}+rescan"] * count,
            "outcome": ["rejected"] * count,
            "reason": pa.array(reasons, pa.string()),
            "detail": pa.nulls(count, pa.string()),
        },
        schema=VERDICTS,
    )
    both = pa.concat_tables([hits, decisions])
    rows = lake.rows(
        "select sample_id, night from samples where sample_id in (select unnest(?::varchar[]))",
        [hits["sample_id"].to_pylist()],
    )
    nights = {row["sample_id"]: row["night"] for row in rows}
    return both.append_column(
        "night", pa.array([nights.get(sample_id) for sample_id in both["sample_id"].to_pylist()], pa.string())
    )

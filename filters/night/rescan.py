"""Scans history again when the manifest of benchmarks has grown: what is hit is rejected, and the next release drops it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters import get_filter
from filters.base import VERDICTS, Context
from filters.benchmarks import BenchmarkManifest
from filters.leaks.inherit import inherit
from filters.night.policy import BY_PEOPLE, NAME, VERSION
from storage.lake.lake import Lake
from synth.sample import problem_of

_LET_IN = """
select sample_id from decisions where outcome = 'accepted' or starts_with(reason, ?) order by sample_id
"""


def rescan(
    lake: Lake, manifest: BenchmarkManifest, options: Mapping[str, Any] | None = None, *, batch: int = 20_000
) -> int:
    """Judge every accepted row against a manifest, once per manifest and options, and reject what it flags.

    Rows that only people keep out are judged too: a review may let them in at any time.

    Args:
        lake: The lake.
        manifest: The grown manifest.
        options: Options of `decontamination`, as the recipe gives them.
        batch: Rows that are held in memory at a time.

    Returns:
        How many rows were rejected now; 0 when this manifest was scanned for before.
    """
    bound = get_filter("decontamination", options)
    key = f"rescan:{manifest.digest}:{bound.version}"
    if lake.has(key):
        return 0
    ids = [row["sample_id"] for row in lake.rows(_LET_IN, [f"{BY_PEOPLE}:"])]
    tables = [VERDICTS.empty_table()]
    for start in range(0, len(ids), batch):
        chosen = ids[start : start + batch]
        samples = lake.query("select * from samples where sample_id in (select unnest(?::varchar[]))", [chosen])
        problems = lake.rows(
            "select * from problems where problem_id in (select distinct unnest(?::varchar[]))",
            [[problem_id for problem_id in samples["problem_id"].to_pylist() if problem_id]],
        )
        context = Context(problems={row["problem_id"]: problem_of(row) for row in problems}, manifest=manifest)
        verdicts = bound(samples, context)
        tables.append(verdicts.filter(pc.equal(verdicts["outcome"], "fail")))
    hits = pa.concat_tables(tables)
    family = lake.query("select sample_id, parents from accepted")
    hits = pa.concat_tables([hits, inherit(family, hits)])
    lake.commit(key, "rescan", {"verdicts": _stamp(lake, hits)})
    return int(hits.num_rows)


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

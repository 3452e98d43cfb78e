"""What was taken down does not come back: every commit leaves it out, whoever makes it and under whatever new id.

A row is known by its id and by a digest of what it holds, a problem by its id, a call by its key. An attempt that made such a row
again stays, as failed with the reason `taken_down`, so that every attempt is accounted for.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.ids import digest

REASON = "taken_down"
"""Why an attempt failed that made, or asked for, what was taken down."""

CONTENT = ("kind", "messages", "response", "rejected", "text", "steps", "labels")
"""Columns by whose digest a row is known again."""

OF_SAMPLES = ("verdicts", "signatures", "judgements", "perplexities")
"""Tables whose rows go with the sample that they are about."""
OF_PROBLEMS = ("problems", "attempts", "samples", "trials", "evaluations")
"""Tables whose rows go with the problem that they are about."""

_LISTS = ("sample_ids", "problem_ids", "call_ids", "contents")


@dataclass(frozen=True, slots=True)
class Gone:
    """Ids of everything that was ever taken down; each maps to the takedown."""

    sample_ids: Mapping[str, str]
    problem_ids: Mapping[str, str]
    call_ids: Mapping[str, str]
    contents: Mapping[str, str]


def content_digests(samples: pa.Table) -> list[str]:
    """Return the digest of what each row of `samples` holds."""
    return [digest(*row.values()) for row in samples.select(list(CONTENT)).to_pylist()]


def without_gone(connection: Any, tables: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """Return rows that are about to be committed without what was taken down; `connection` uses the lake."""
    if not {*tables} & {*OF_SAMPLES, *OF_PROBLEMS, "calls"}:
        return tables
    gone = _gone(connection)
    return _without(gone, tables) if gone else tables


def _gone(connection: Any) -> Gone | None:
    rows = connection.execute(
        f"select takedown_id, {', '.join(_LISTS)} from takedowns where event = 'planned'"
    ).fetchall()
    if not rows:
        return None
    found: list[dict[str, str]] = [{} for _ in _LISTS]
    for takedown, *lists in rows:
        for known, ids in zip(found, lists, strict=True):
            known.update(dict.fromkeys(ids or (), takedown))
    return Gone(*found)


def _without(gone: Gone, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    left = dict(tables)
    for name in OF_PROBLEMS:
        if name in left:
            left[name] = _drop(left[name], "problem_id", gone.problem_ids)
    if "calls" in left:
        left["calls"] = _drop(left["calls"], "call_id", gone.call_ids)
    dropped = {**gone.sample_ids}
    if "samples" in left:
        back = _back(gone, left["samples"])
        left["samples"] = _drop(left["samples"], "sample_id", back)
        dropped |= back
        if "attempts" in left:
            left["attempts"] = _failed(left["attempts"], tables["samples"], back)
    for name in OF_SAMPLES:
        if name in left:
            left[name] = _drop(left[name], "sample_id", dropped)
    return left


def _back(gone: Gone, samples: pa.Table) -> dict[str, str]:
    """Rows that are coming back, with the takedown that they were removed by."""
    ids = samples["sample_id"].to_pylist()
    back = {one: gone.sample_ids[one] for one in ids if one in gone.sample_ids}
    if gone.contents:
        known = zip(ids, content_digests(samples), strict=True)
        back |= {one: gone.contents[content] for one, content in known if content in gone.contents}
    return back


def _failed(attempts: pa.Table, samples: pa.Table, back: Mapping[str, str]) -> pa.Table:
    """Say of attempts whose rows are left out that they failed; one with other rows keeps them and counts fewer."""
    if not back:
        return attempts
    made = list(zip(samples["sample_id"].to_pylist(), samples["attempt_id"].to_pylist(), strict=True))
    lost = {attempt: back[sample] for sample, attempt in made if sample in back}
    kept = {attempt for sample, attempt in made if sample not in back}
    rows = attempts.to_pylist()
    for row in rows:
        takedown = lost.get(row["attempt_id"])
        if takedown is None or row["status"] != "done":
            continue
        row["samples"] = sum(attempt == row["attempt_id"] and sample not in back for sample, attempt in made)
        if row["attempt_id"] not in kept:
            row |= {"status": "failed", "reason": REASON, "detail": f"it made again what takedown {takedown} removed"}
    return pa.Table.from_pylist(rows, schema=attempts.schema)


def _drop(table: pa.Table, column: str, ids: Collection[str] | Iterable[str]) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table[column], pa.array(list(ids), pa.string()))))

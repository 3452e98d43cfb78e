"""What was taken down does not come back: every commit leaves it out, whoever makes it and under whatever new id.

A row is known by its id and by a digest of what it holds, a problem by its id, a call by its key. An attempt that made such a row
again stays, as failed with the reason `taken_down`, so that every attempt is accounted for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from storage.ids import digest
from storage.messages import chat_of
from storage.schema import ties

REASON = "taken_down"
"""Why an attempt failed that made, or asked for, what was taken down."""

CONTENT = ("kind", "messages", "response", "rejected", "text", "steps", "labels")
"""Columns by whose digest a row is known again."""

_LISTS = ("sample_ids", "problem_ids", "call_ids", "contents")


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Ids of everything that was ever taken down; each maps to the takedown."""

    sample_ids: Mapping[str, str]
    problem_ids: Mapping[str, str]
    call_ids: Mapping[str, str]
    contents: Mapping[str, str]


def content_digests(samples: pa.Table) -> list[str]:
    """Return the digest of what each row of `samples` holds, whatever fields its messages have empty."""
    return [digest(*_content(row)) for row in samples.select(list(CONTENT)).to_pylist()]


def _content(row: Mapping[str, Any]) -> list[Any]:
    messages = row["messages"]
    return list({**row, "messages": None if messages is None else chat_of(messages)}.values())


def without_taken_down(connection: Any, tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return rows that are about to be committed without what was taken down; `connection` uses the lake."""
    if not {*tables} & {"samples", *(tie.table for tie in ties())}:
        return tables
    tombstones = _read(connection)
    return _without(tombstones, tables) if tombstones else tables


def _read(connection: Any) -> Tombstones | None:
    rows = connection.execute(
        f"select takedown_id, {', '.join(_LISTS)} from takedowns where event = 'planned'"
    ).fetchall()
    if not rows:
        return None
    takedown_of: list[dict[str, str]] = [{} for _ in _LISTS]
    for takedown, *lists in rows:
        for by_id, ids in zip(takedown_of, lists, strict=True):
            by_id.update(dict.fromkeys(ids or (), takedown))
    return Tombstones(*takedown_of)


def _without(tombstones: Tombstones, tables: Mapping[str, Any]) -> dict[str, Any]:
    left = dict(tables)
    dropped = {"problem": tombstones.problem_ids, "call": tombstones.call_ids, "sample": tombstones.sample_ids}
    if "samples" in left:
        back = _back(tombstones, left["samples"])
        left["samples"] = _drop(left["samples"], "sample_id", back)
        dropped["sample"] = {**tombstones.sample_ids, **back}
        if "attempts" in left:
            left["attempts"] = _failed(left["attempts"], tables["samples"], back)
    for tie in ties():
        if tie.table in left:
            left[tie.table] = _drop(left[tie.table], tie.column, dropped[tie.kind], subject=tie.subject)
    return left


def _back(tombstones: Tombstones, samples: pa.Table) -> dict[str, str]:
    """Rows that are coming back, with the takedown that they were removed by."""
    ids = samples["sample_id"].to_pylist()
    back = {identity: tombstones.sample_ids[identity] for identity in ids if identity in tombstones.sample_ids}
    if tombstones.contents:
        contents = zip(ids, content_digests(samples), strict=True)
        back |= {
            identity: tombstones.contents[content] for identity, content in contents if content in tombstones.contents
        }
    return back


def _failed(attempts: pa.Table, samples: pa.Table, back: Mapping[str, str]) -> pa.Table:
    """Say of attempts whose rows are left out that they failed; one with other rows keeps them and counts fewer."""
    if not back:
        return attempts
    pairs = list(zip(samples["sample_id"].to_pylist(), samples["attempt_id"].to_pylist(), strict=True))
    lost = {attempt: back[sample] for sample, attempt in pairs if sample in back}
    kept = {attempt for sample, attempt in pairs if sample not in back}
    rows = attempts.to_pylist()
    for row in rows:
        takedown = lost.get(row["attempt_id"])
        if takedown is None or row["status"] != "done":
            continue
        row["samples"] = sum(attempt == row["attempt_id"] and sample not in back for sample, attempt in pairs)
        if row["attempt_id"] not in kept:
            row |= {"status": "failed", "reason": REASON, "detail": f"it made again what takedown {takedown} removed"}
    return pa.Table.from_pylist(rows, schema=attempts.schema)


def _drop(table: Any, column: str, ids: Collection[str], *, subject: str | None = None) -> Any:
    """Leave out rows of a table, or of a data set in files."""
    if isinstance(table, ds.Dataset):
        taken = ds.field(column).isin(list(ids))
        return table.filter(~(taken if subject is None else taken & (ds.field("subject") == subject)))
    taken = pc.is_in(table[column], pa.array(list(ids), pa.string()))
    if subject is not None:
        taken = pc.and_(taken, pc.equal(table["subject"], subject))
    return table.filter(pc.invert(taken))

"""Where a sample comes from, as the lake has it: the row, every verdict on it, the row it matched, the calls
behind it, the checkpoints that read it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import LakeError
from storage.lake.candidates import candidates_of, tree_of
from storage.lake.lake import Lake
from storage.lake.lineage import row_checkpoints
from storage.lake.tombstones import REASON

_VERDICTS = """
select v.filter, v.version, v.outcome, v.reason, v.detail, v.night, c.created_at
from observations v join commits c using (commit_id)
where v.sample_id = ? and v.night = ? order by c.seq, v.filter = 'policy', v.filter
"""
"""A verdict carries the night of its row, whenever it was given: the files of other nights are not read."""


def provenance_of(lake: Lake, sample_id: str) -> dict[str, Any]:
    """Return `sample`, `decision`, `verdicts` in order, `matches` (rows that verdicts name), `items` (of benchmarks), `calls`,
    `candidates` (rows of its attempt, with scores), `tree` (of a search) and `checkpoints`; of a row that was taken down only
    `takedown`.

    Args:
        lake: The lake.
        sample_id: An id, or the beginning of one that no other sample shares.

    Raises:
        LakeError: No sample has that id, or several begin like this.
    """
    if takedown := taken_down(lake, sample_id):
        return {"takedown": takedown}
    seen = observed(lake, sample_id)
    return {**seen, **origin(lake, seen["sample"])}


def observed(lake: Lake, sample_id: str, night: str | None = None) -> dict[str, Any]:
    """Return `sample`, `decision`, `verdicts`, `matches` and `items` of `provenance_of`: what is said of a row.

    Args:
        lake: The lake.
        sample_id: As `provenance_of` takes it.
        night: The row's night where it is known: only that night's files are read then.

    Raises:
        LakeError: No sample has that id, or several begin like this.
    """
    sample = sample_of(lake, sample_id, night)
    verdicts = lake.rows(_VERDICTS, [sample["sample_id"], sample["night"]])
    for verdict in verdicts:
        verdict["detail"] = json.loads(verdict["detail"]) if verdict["detail"] else {}
    decided = [verdict for verdict in verdicts if verdict["filter"] == "policy"]
    named = (verdict["detail"].get(name) for verdict in verdicts for name in ("kept", "from"))
    kept = dict.fromkeys(identity for identity in named if isinstance(identity, str))
    return {
        "sample": sample,
        "decision": decided[-1] if decided else None,
        "verdicts": verdicts,
        "items": _items(lake, verdicts),
        "matches": [match for identity in kept for match in _rows(lake, identity)],
    }


def origin(lake: Lake, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return `calls`, `candidates`, `tree` and `checkpoints` of `provenance_of`: what made a row, and who read it."""
    calls = lake.rows(
        "select call_id, role, act, model, messages, reasoning, response, finish_reason, night from calls "
        "where call_id in (select unnest(?::varchar[])) qualify row_number() over (partition by call_id) = 1",
        [sample["parents"] or []],
    )
    order = {call_id: index for index, call_id in enumerate(sample["parents"] or [])}
    return {
        "calls": sorted(calls, key=lambda call: order[call["call_id"]]),
        "candidates": candidates_of(lake, sample),
        "tree": tree_of(sample),
        "checkpoints": row_checkpoints(lake, sample["sample_id"]),
    }


def taken_down(lake: Lake, sample_id: str) -> dict[str, Any] | None:
    """Return why a row was taken down, and how often an attempt made it again since."""
    rows = lake.rows(
        "select takedown_id, because, created_at, checkpoints from takedowns where event = 'planned' "
        "and list_contains(sample_ids, ?) and ? not in (select sample_id from samples)",
        [sample_id, sample_id],
    )
    if not rows:
        return None
    (remade,) = lake.rows(
        "select count(*) as n from attempts where reason = ? and contains(detail, ?)", [REASON, rows[0]["takedown_id"]]
    )
    replaced = lake.rows(
        "select release_id, successor from redactions where takedown_id = ? order by release_id",
        [rows[0]["takedown_id"]],
    )
    return {
        **rows[0], "sample_id": sample_id, "made_again": remade["n"], "releases": replaced,
        "read_by": row_checkpoints(lake, sample_id),
    }  # fmt: skip


def _items(lake: Lake, verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Return the items of benchmarks and evaluation sets that the row holds.

    Texts are given of our own evaluation sets only: the lake does not quote benchmarks.
    """
    items: dict[tuple[str, str], str | None] = {}
    for detail in (verdict["detail"] for verdict in verdicts if verdict["outcome"] == "fail"):
        if "benchmark" in detail and "item" in detail:
            held = lake.rows(
                "select prompt from problems where structure_id = ? and split <> 'train' limit 1", [detail["item"]]
            )
            items[detail["benchmark"], detail["item"]] = held[0]["prompt"] if held else None
    return [{"benchmark": name, "item": item, "text": text} for (name, item), text in sorted(items.items())]


def sample_of(lake: Lake, sample_id: str, night: str | None = None) -> dict[str, Any]:
    """Return `sample` of `observed`, which has its arguments.

    Raises:
        LakeError: No sample has that id, or several begin like this.
    """
    rows = (_rows(lake, sample_id, night) if night else []) or _rows(lake, sample_id)
    if not rows:
        near = lake.rows("select sample_id from samples where starts_with(sample_id, ?) limit 6", [sample_id])
        if len(near) != 1:
            fault = (
                f"several begin like this: {', '.join(row['sample_id'] for row in near)}" if near else "there is none"
            )
            raise LakeError(
                f'sample {sample_id!r}: {fault}; list ids with `nightschool sql "select sample_id from samples"`'
            )
        rows = _rows(lake, near[0]["sample_id"])
    return rows[0]


def _rows(lake: Lake, sample_id: str, night: str | None = None) -> list[dict[str, Any]]:
    of_night, values = ("and night = ?", [sample_id, night]) if night else ("", [sample_id])
    rows = lake.rows(f"select * exclude (commit_id) from samples where sample_id = ? {of_night} limit 1", values)
    for row in rows:
        asked = lake.rows("select prompt, gold from problems where problem_id = ? limit 1", [row["problem_id"]])
        row |= asked[0] if asked else {"prompt": None, "gold": None}
    return rows

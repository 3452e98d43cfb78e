"""What the pages about nights, releases and models show: small questions that our own code asks the lake."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from storage.lake.lake import Lake
from storage.messages import said_in
from storage.models.evaluations import answers_of, common_sets

_NIGHTS = """
select r.night, min(r.created_at) filter (where run_id like 'night/%') as began,
       max(r.created_at) filter (where run_id like 'night/%' and event = 'finished') as ended,
       arg_max(event, c.seq) filter (where run_id like 'night/%') as event,
       arg_max(summary, c.seq) filter (where run_id like 'night/%' and event = 'stopped') as stopped,
       arg_max(event, c.seq) filter (where run_id like 'train/%') as training
from runs r join commits c using (commit_id) where r.night is not null group by r.night order by min(c.seq) desc
"""
_MADE = """
select night, arg_max(release_id, at_seq) as release_id, arg_max(rows, at_seq) as rows from releases
where night is not null group by night
"""
_DECIDED = """
select p.night, arg_max(decision, c.seq) as decision, arg_max(candidate, c.seq) as candidate, arg_max(figures, c.seq) as figures
from promotions p join commits c using (commit_id) group by p.night
"""
_EXAMS = """
with last as (
    select e.checkpoint_id, arg_max(e.evaluation_id, c.seq) as evaluation_id
    from evaluations e join commits c using (commit_id) where e.mode = 'greedy' group by e.checkpoint_id
)
select e.checkpoint_id, e.task, e.tier, count(*) as items, count(*) filter (where outcome = 'correct') as correct,
       any_value(e.set_version) as set_version
from evaluations e join last using (evaluation_id) where e.mode = 'greedy' group by all order by e.checkpoint_id, e.task, e.tier
"""
_ITEMS = """
select problem_id, any_value(prompt) as prompt, any_value(gold) as gold from problems
where problem_id in (select unnest(?::varchar[])) group by problem_id
"""
_LENGTHS = """
with side as (
    select s.sample_id, s.method, s.words, s.sample_id in (select sample_id from release_rows where release_id = $new) as is_new,
           s.sample_id in (select sample_id from release_rows where release_id = $old) as is_old
    from samples s where sample_id in (select sample_id from release_rows where release_id in ($old, $new))
)
select 'rows in' as what, count(*) as rows, quantile_disc(words, [0.05, 0.25, 0.5, 0.75, 0.95]) as words from side where not is_old
union all select 'rows out', count(*), quantile_disc(words, [0.05, 0.25, 0.5, 0.75, 0.95]) from side where not is_new
union all select 'rows kept', count(*), quantile_disc(words, [0.05, 0.25, 0.5, 0.75, 0.95]) from side where is_old and is_new
"""
_SHARES = """
select s.method, s.task, count(*) filter (where r.release_id = $old) as old, count(*) filter (where r.release_id = $new) as new
from release_rows r join samples s using (sample_id) where r.release_id in ($old, $new) group by all order by all
"""
_MOVED = """
select r.sample_id from release_rows r where r.release_id = $one
and r.sample_id not in (select sample_id from release_rows where release_id = $other) order by r.sample_id limit $most
"""


def nights(lake: Lake) -> list[dict[str, Any]]:
    """Return every night, newest first: when it began and ended, why it stopped, its release and the decision about its model."""
    made = {row["night"]: row for row in lake.rows(_MADE)}
    decided = {row["night"]: {**row, "figures": json.loads(row["figures"] or "{}")} for row in lake.rows(_DECIDED)}
    return [
        {
            **row,
            "stopped": json.loads(row["stopped"] or "null") if row["event"] == "stopped" else None,
            "release": made.get(row["night"]),
            "promotion": decided.get(row["night"]),
        }
        for row in lake.rows(_NIGHTS)
    ]


def releases(lake: Lake) -> list[dict[str, Any]]:
    """Return every release, newest first, with the one of the same name before it."""
    rows = lake.rows(
        "select r.release_id, r.name, r.version, r.rows, r.night, r.condition, r.created_at, r.manifest, d.successor, "
        "d.takedown_id from releases r left join redactions d using (release_id) "
        "order by r.at_seq desc, r.version desc, r.release_id"
    )
    before: dict[str, str] = {}
    for row in reversed(rows):
        row["before"] = before.get(row["name"])
        before[row["name"]] = row["release_id"]
        row["manifest"] = json.loads(row["manifest"])
    return rows


def release_change(lake: Lake, old: str, new: str, most: int = 40) -> dict[str, Any]:
    """Return what `diff_releases` does not say: words of what came and went (5, 25, 50, 75 and 95 %), drift, and some of the rows.

    The drift is the total variation distance between the shares of (method, task), from 0 to 1.
    """
    ids = {"old": old, "new": new}
    shares = lake.query_named(_SHARES, ids).to_pylist()
    totals = {side: sum(row[side] for row in shares) for side in ("old", "new")}
    drift = (
        sum(abs(row["old"] / totals["old"] - row["new"] / totals["new"]) for row in shares) / 2
        if all(totals.values())
        else None
    )
    moved = {
        name: [
            row["sample_id"] for row in lake.query_named(_MOVED, {"one": one, "other": other, "most": most}).to_pylist()
        ]
        for name, one, other in (("in", new, old), ("out", old, new))
    }
    return {"lengths": lake.query_named(_LENGTHS, ids).to_pylist(), "shares": shares, "drift": drift, "moved": moved}


def exams(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Return the last greedy exam of each checkpoint: `task`, `tier`, `items`, `correct`, `set_version`."""
    by_checkpoint: dict[str, list[dict[str, Any]]] = {}
    for row in lake.rows(_EXAMS):
        by_checkpoint.setdefault(row["checkpoint_id"], []).append(row)
    return by_checkpoint


def compared(lake: Lake, before: str, after: str) -> dict[str, Any] | None:
    """Return two models' greedy answers to the newest set that both answered; None where there is none.

    Returns:
        `set_version`, `items`, `both`, `neither`, and `gained` and `lost`: each item with `prompt`, `gold`, and both `answer`s and
        `response`s. An answer that cannot be decided is not right.
    """
    sets = common_sets(lake, before, after)
    if not sets:
        return None
    first, other = (
        {row["problem_id"]: row for row in answers_of(lake, model, sets[0]).to_pylist()} for model in (before, after)
    )
    shared = sorted(first.keys() & other.keys())
    right = {item: (_right(first[item]), _right(other[item])) for item in shared}
    changed = [item for item in shared if right[item][0] != right[item][1]]
    asked = {row["problem_id"]: row for row in lake.rows(_ITEMS, [changed])}
    pairs = [_pair(asked.get(item), first[item], other[item]) for item in changed]
    return {
        "set_version": sets[0],
        "items": len(shared),
        "both": sum(all(pair) for pair in right.values()),
        "neither": sum(not any(pair) for pair in right.values()),
        "gained": [pair for pair in pairs if pair["after"]["outcome"] == "correct"],
        "lost": [pair for pair in pairs if pair["before"]["outcome"] == "correct"],
    }


def _right(row: Mapping[str, Any]) -> bool:
    return bool(row["outcome"] == "correct")


def _pair(asked: Mapping[str, Any] | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    columns = ("answer", "response", "outcome", "finish_reason")
    return {
        "problem_id": before["problem_id"],
        "task": before["task"],
        "tier": before["tier"],
        "prompt": asked["prompt"] if asked else None,
        "gold": asked["gold"] if asked else None,
        "before": {name: before[name] for name in columns},
        "after": {name: after[name] for name in columns},
    }


def row_texts(lake: Lake, sample_id: str) -> Sequence[tuple[str, str]]:
    """Return every text of a row with its name, whole; nothing where there is no such row."""
    rows = lake.rows(
        "select s.*, p.prompt, p.gold, p.solution from samples s left join problems p using (problem_id) "
        "where sample_id = ? limit 1",
        [sample_id],
    )
    if not rows:
        return []
    row = rows[0]
    texts = [("problem", row["prompt"]), ("gold", row["gold"]), ("solution", row["solution"])]
    texts += [(message["role"] or "message", said_in(message)) for message in row["messages"] or []]
    texts += [(name, row[name]) for name in ("response", "rejected", "text")]
    texts += [(f"step {number}", step) for number, step in enumerate(row["steps"] or [], 1)]
    texts += [(name, row[name]) for name in ("answer", "notes", "attrs")]
    return [(name, text) for name, text in texts if text]


def attempts_of(lake: Lake, night: str) -> dict[str, int]:
    """Return how many attempts of a night are `planned`, `done` and `failed` so far."""
    rows = lake.rows("select status, count(*) as n from attempts where night = ? group by all", [night])
    return {"planned": 0, "done": 0, "failed": 0} | {row["status"]: row["n"] for row in rows}


def kinds_since(lake: Lake, seq: int) -> set[str]:
    """Return what kinds of commits came after one."""
    return {row["kind"] for row in lake.rows("select distinct kind from commits where seq > ?", [seq])}

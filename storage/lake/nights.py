"""What a night was pinned to, what it planned, what became of it: the questions that flows ask the lake."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from storage.catalog.leases import Lease
from storage.ids import digest
from storage.lake.lake import Commit, Lake, table_of


def pinned(lake: Lake, run_id: str) -> dict[str, Any] | None:
    """Return what a run was pinned to at its first start (or pinned again to since), None before it."""
    rows = lake.rows(
        "select pinned from runs join commits using (commit_id) where run_id = ? and event = 'pinned' "
        "order by seq desc limit 1",
        [run_id],
    )
    return dict(json.loads(rows[0]["pinned"])) if rows else None


def pin(lake: Lake, run_id: str, night: str, recipe: str, content: Mapping[str, Any], *, repin: bool = False) -> None:
    """Pin a run to digests and choices; the first pin holds, unless `repin` replaces it."""
    text = json.dumps(dict(content), sort_keys=True)
    key = f"pin:{run_id}" + (f":{datetime.now(UTC).isoformat()}" if repin else "")
    lake.commit(key, "pin", {"runs": _run(run_id, "pinned", night, recipe, pinned=text)}, night=night)


def finish(lake: Lake, run_id: str, night: str, recipe: str, summary: Mapping[str, Any]) -> Commit:
    """Record that a run ended, with its figures; once."""
    text = json.dumps(dict(summary), sort_keys=True)
    return lake.commit(
        f"finish:{run_id}", "finish", {"runs": _run(run_id, "finished", night, recipe, summary=text)}, night=night
    )


def stop(lake: Lake, run_id: str, night: str, recipe: str, kind: str, reason: str) -> Commit:
    """Record that a run stopped before its end, and why; the same words again stand once after whatever came before them."""
    text = json.dumps({"kind": kind, "words": reason}, sort_keys=True)
    events = lake.rows("select count(*) as n from runs where run_id = ? and event <> 'stopped'", [run_id])[0]["n"]
    tables = {"runs": _run(run_id, "stopped", night, recipe, summary=text)}
    return lake.commit(f"stop:{run_id}:{events}:{digest(text, length=16)}", "stop", tables, night=night)


def stopped(lake: Lake, recipe: str) -> dict[str, dict[str, Any]]:
    """Return, by logical date, the `kind` and the `words` of the nights of a recipe whose last event is that they stopped."""
    rows = lake.rows(
        "select r.night, arg_max(event, seq) as event, arg_max(summary, seq) as summary from runs r join commits using (commit_id) "
        "where recipe = ? and run_id like 'night/%' group by all",
        [recipe],
    )
    return {row["night"].partition("/")[0]: json.loads(row["summary"]) for row in rows if row["event"] == "stopped"}


def record_decision(lake: Lake, run_id: str, night: str, recipe: str, figures: Mapping[str, Any]) -> Commit:
    """Keep a decision on whether to train, with its figures; asked again with the same figures, it stands once."""
    text = json.dumps(dict(figures), sort_keys=True)
    tables = {"runs": _run(run_id, "decided", night, recipe, summary=text)}
    return lake.commit(f"decide:{run_id}:{digest(text, length=16)}", "decide", tables, night=night)


def finished(lake: Lake, run_id: str) -> dict[str, Any] | None:
    """Return the figures a run ended with, None while it has not."""
    rows = lake.rows("select summary from runs where run_id = ? and event = 'finished'", [run_id])
    return dict(json.loads(rows[0]["summary"])) if rows else None


def finished_dates(lake: Lake, recipe: str) -> set[str]:
    """Return the logical dates of a recipe's finished nights."""
    return _dates(lake, recipe, "finished")


def begun_dates(lake: Lake, recipe: str) -> set[str]:
    """Return the logical dates of a recipe's nights that were begun, finished or not."""
    return _dates(lake, recipe, "pinned")


def _dates(lake: Lake, recipe: str, event: str) -> set[str]:
    rows = lake.rows(
        "select distinct night from runs where recipe = ? and event = ? and run_id like 'night/%'", [recipe, event]
    )
    return {row["night"].partition("/")[0] for row in rows}


def open_trainings(lake: Lake, recipe: str) -> list[str]:
    """Return the logical dates of a recipe's trainings that were begun and have not ended, the latest first."""
    rows = lake.rows(
        "select distinct night from runs r where recipe = ? and event = 'pinned' and run_id like 'train/%' "
        "and not exists (from runs f where f.run_id = r.run_id and f.event = 'finished') order by night desc",
        [recipe],
    )
    return [row["night"].partition("/")[0] for row in rows]


def _run(
    run_id: str, event: str, night: str, recipe: str, *, pinned: str | None = None, summary: str | None = None
) -> pa.Table:
    row = {
        "run_id": run_id, "event": event, "night": night, "recipe": recipe, "pinned": pinned, "summary": summary,
        "created_at": datetime.now(UTC),
    }  # fmt: skip
    return table_of("runs", [row])


def commit_plan(
    lake: Lake,
    night: str,
    problems: Sequence[Mapping[str, Any]],
    attempts: Sequence[Mapping[str, Any]],
    left_out: Sequence[Mapping[str, Any]] = (),
    round_number: int = 0,
    drawn: Sequence[Mapping[str, Any]] = (),
    lease: Lease | None = None,
) -> Commit:
    """Commit a night's new problems, its planned attempts and what its sources gave and left out, once a round.

    Problems the lake knows are not written again. `drawn` has a row per source: `source`, `problems`, `wanted`.

    Raises:
        LeaseError: `lease`, that of drawing, has passed to another night; nothing is written.
    """
    text = json.dumps(list(drawn))
    tables = {
        "runs": _run(f"night/{night}", "drawn", night, night.partition("/")[2], summary=text),
        "problems": table_of("problems", _new(lake, problems)),
        "attempts": table_of("attempts", attempts),
        "left_out": table_of("left_out", left_out),
    }
    return lake.commit(plan_key(night, round_number), "plan", tables, night=night, lease=lease)


def drawn(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return what each source gave in a night's first round, `source`, `problems` and `wanted`; empty before it was planned."""
    rows = lake.rows(
        "select summary from runs join commits using (commit_id) where run_id = ? and event = 'drawn' order by seq limit 1",
        [f"night/{night}"],
    )
    return list(json.loads(rows[0]["summary"])) if rows else []


def plan_key(night: str, round_number: int = 0) -> str:
    """Return the idempotency key of a round of a night's plan."""
    return f"plan:{night}:{round_number}" if round_number else f"plan:{night}"


def planned_in(lake: Lake, night: str, round_number: int) -> int:
    """Return how many attempts a round of a night planned; 0 where it planned none, or has not been planned."""
    rows = lake.rows(
        "select count(*) as n from attempts join commits using (commit_id) where key = ? and status = 'planned'",
        [plan_key(night, round_number)],
    )
    return int(rows[0]["n"])


def left_out(lake: Lake, night: str) -> set[tuple[str, int]]:
    """Return the rows of sources that a night left out, by source and line."""
    return {
        (row["source"], row["line"]) for row in lake.rows("select source, line from left_out where night = ?", [night])
    }


def stopped_by_budget(lake: Lake, night: str) -> bool:
    """Return whether the budget or the clock has ended an attempt of a night."""
    return bool(lake.rows("select 1 from attempts where night = ? and reason = 'budget' limit 1", [night]))


def known_problems(lake: Lake, ids: Sequence[str]) -> set[str]:
    """Return which of these problem ids are in the lake."""
    rows = lake.rows("select problem_id from problems where problem_id in (select unnest(?::varchar[]))", [list(ids)])
    return {row["problem_id"] for row in rows}


def _new(lake: Lake, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of problems that the lake does not know."""
    present = known_problems(lake, [str(row["problem_id"]) for row in rows])
    return [row for row in rows if row["problem_id"] not in present]


def record_problems(lake: Lake, rows: Sequence[Mapping[str, Any]], *, kind: str, night: str) -> None:
    """Enter problems that the lake does not know, once."""
    fresh = _new(lake, rows)
    if fresh:
        key = f"{kind}:{digest(sorted(str(row['problem_id']) for row in fresh))}"
        lake.commit(key, kind, {"problems": table_of("problems", fresh)}, night=night)


def structures(lake: Lake, splits: Iterable[str]) -> set[str]:
    """Return the structure ids of every problem in these splits."""
    rows = lake.rows(
        "select distinct structure_id from problems where split in (select unnest(?::varchar[]))", [list(splits)]
    )
    return {row["structure_id"] for row in rows}


def gone_structures(lake: Lake) -> frozenset[str]:
    """Return the structures of problems that were taken down, which no night draws again."""
    rows = lake.rows("select distinct unnest(structure_ids) as structure_id from takedowns")
    return frozenset(row["structure_id"] for row in rows)


def problem_rows(
    lake: Lake, *, splits: Iterable[str] | None = None, night: str | None = None, ids: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Return problems of some splits, those that a night planned attempts on, or those of some ids, in the order of their ids."""
    if ids is not None:
        return lake.rows(
            "select * from problems where problem_id in (select unnest(?::varchar[])) order by problem_id", [list(ids)]
        )
    if night is not None:
        return lake.rows(
            "select * from problems where problem_id in (select problem_id from attempts where night = ?) order by problem_id",
            [night],
        )
    return lake.rows(
        "select * from problems where split in (select unnest(?::varchar[])) order by problem_id", [list(splits or [])]
    )


def planned_attempts(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return every attempt that a night planned, whatever became of it, in stable order."""
    return lake.rows(
        "select * from attempts where night = ? and status = 'planned' order by shard, attempt_id", [night]
    )


def open_attempts(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return the planned attempts that are neither done nor failed yet, in stable order."""
    return lake.rows(
        "select * from attempts where night = $1 and status = 'planned' and attempt_id not in "
        "(select attempt_id from attempts where night = $1 and status <> 'planned') order by shard, attempt_id",
        [night],
    )


def night_samples(lake: Lake, night: str) -> pa.Table:
    """Return the samples of a night, in stable order of id."""
    return lake.query("select * exclude (commit_id) from samples where night = ? order by sample_id", [night])


def night_verdicts(lake: Lake, night: str) -> pa.Table:
    """Return the filters' verdicts on a night's samples (not the policy's decisions)."""
    return lake.query(
        "select v.* exclude (commit_id, night) from observations v join samples s using (sample_id) "
        "where s.night = ? and v.filter <> 'policy'",
        [night],
    )


def observing_filters(lake: Lake, night: str) -> list[str]:
    """Return the filters that have said something of a night's samples."""
    rows = lake.rows(
        "select distinct v.filter from observations v join samples s using (sample_id) "
        "where s.night = ? and v.filter <> 'policy' order by 1",
        [night],
    )
    return [row["filter"] for row in rows]


def write_questions(lake: Lake, night: str) -> bool:
    """Return whether a sample of a night asks a question that its method wrote."""
    statement = "select 1 from samples where night = ? and contains(notes, '\"question\"') limit 1"
    return bool(lake.rows(statement, [night]))


def accepted_before(lake: Lake, night: str) -> dict[tuple[str, str], int]:
    """Count the accepted rows of other nights by method and problem, for the problems of a night."""
    rows = lake.rows(
        "with s as (select sample_id, method, problem_id from samples where night <> $1 and problem_id in "
        "(select problem_id from attempts where night = $1)), d as (select v.sample_id, arg_max(v.outcome, c.seq) as outcome "
        "from verdicts v join commits c using (commit_id) where v.filter = 'policy' and v.sample_id in (select sample_id from s) "
        "group by v.sample_id) select method, problem_id, count(*) as rows from s join d using (sample_id) "
        "where outcome = 'accepted' group by all",
        [night],
    )
    return {(row["method"], row["problem_id"]): row["rows"] for row in rows}


def funnel(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return the funnel of a night: attempts planned = done + failed, samples made = accepted + rejected, per method."""
    return lake.rows("select * exclude (night) from funnel where night = ? order by method", [night])


def reasons(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return why attempts failed and samples were rejected, with counts, most frequent first."""
    return lake.rows(
        "select method, 'failed' as what, reason, count(*) as rows from attempts where night = $1 and status = 'failed' "
        "group by all union all "
        "select method, 'rejected', reason, count(*) from rejected where night = $1 group by all "
        "order by rows desc, method, reason",
        [night],
    )


def tokens(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return calls and tokens that a night paid for, by role; `estimated` are calls whose tokens no server has told believably."""
    return lake.rows(
        "select role, model, count(*) as calls, sum(prompt_tokens)::bigint as prompt_tokens, "
        "sum(completion_tokens)::bigint as completion_tokens, "
        "count(*) filter (sampling->>'$.usage' = 'estimated') as estimated from calls where night = ? group by all order by role",
        [night],
    )


def costs(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return what a night paid for by method, model and role: calls, tokens, seconds of server time, money."""
    return lake.rows("select * exclude (night) from costs where night = ? order by method, model, role", [night])


def accepted_words(lake: Lake, night: str) -> int:
    """Return the length of a night's accepted rows in words, what its cost is divided by."""
    rows = lake.rows("select coalesce(sum(words), 0)::bigint as words from accepted where night = ?", [night])
    return int(rows[0]["words"])


def last_training(lake: Lake, dataset: str) -> str | None:
    """Return the release of a data set that was trained on last, None before the first training."""
    rows = lake.rows(
        "select summary->>'$.release' as release_id from runs join commits c using (commit_id) "
        "where run_id like 'train/%' and event = 'finished' and split_part(summary->>'$.release', '@', 1) = ? "
        "order by c.seq desc limit 1",
        [dataset],
    )
    return str(rows[0]["release_id"]) if rows else None

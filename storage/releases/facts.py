"""What a release's manifest says of its rows: counts, words, licences, who wrote them with which sampling, stages, pins."""

import json
from typing import Any

_STAGES = """
select s.method, count(*) as made, count(*) filter (where d.outcome = 'accepted') as accepted,
       count(*) filter (where d.outcome = 'rejected') as rejected
from samples s left join decisions d using (sample_id)
where (s.night, s.method) in (select distinct night, method from picked) group by s.method order by s.method
"""
_REASONS = """
select d.reason, count(*) as rows from samples s join decisions d using (sample_id)
where d.outcome = 'rejected' and (s.night, s.method) in (select distinct night, method from picked)
group by d.reason order by d.reason
"""
_WRITERS = """
select model, role, sampling, count(*) as calls from (
    select distinct on (c.call_id) c.call_id, c.model, c.role,
           json_merge_patch(c.sampling, '{"seed": null}')::varchar as sampling -- every call has a seed of its own
    from (select distinct unnest(s.parents) as call_id from samples s join picked using (sample_id)) p join calls c using (call_id)
) group by all order by all
"""
_PINS = """
select r.night, r.recipe, r.pinned from runs r join commits c using (commit_id)
where r.event = 'pinned' and r.run_id like 'night/%' and r.night in (select distinct night from picked)
qualify row_number() over (partition by r.night order by c.seq desc) = 1 order by r.night
"""


def facts(connection: Any) -> dict[str, Any]:
    """Describe the rows in the temporary table `picked`, on a connection that uses the lake."""
    (rows, word_count, token_count) = connection.execute(
        "select count(*), coalesce(sum(words), 0)::bigint, "
        "if(count(model_tokens) = count(*), sum(model_tokens), null)::bigint from picked"
    ).fetchone()
    stages = _rows(connection, _STAGES)
    pins = [(night, recipe, json.loads(pinned)) for night, recipe, pinned in connection.execute(_PINS).fetchall()]
    recipes = {(recipe, str(pin.get("recipe"))): pin for _, recipe, pin in pins}
    return {
        "rows": rows,
        "words": word_count,
        "model_tokens": token_count,  # null where those of a row are not known
        "by_method": _counts(connection, "method"),
        "by_source": _counts(connection, "source"),
        "by_method_and_source": _rows(
            connection,
            "select method, source, count(*) as rows, sum(words)::bigint as words from picked group by all order by all",
        ),
        "by_origin": _counts(connection, "origin"),
        "licenses": _counts(connection, "license"),
        "nights": _counts(connection, "night"),
        "models": _writers(connection),
        "stages": stages,
        "rejections": _rows(connection, _REASONS),
        "recipes": [{"name": name, "digest": digest} for name, digest in sorted(recipes)],
        "codes": sorted({str(pin.get("code")) for _, _, pin in pins}),
        "decontaminated_against": _benchmarks([pin for _, _, pin in pins]),
    }


def _counts(connection: Any, column: str) -> dict[str, int]:
    rows = connection.execute(
        f"select coalesce({column}, 'unknown'), count(*) from picked group by all order by all"
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


def _rows(connection: Any, statement: str) -> list[dict[str, Any]]:
    return list(connection.execute(statement).to_arrow_table().to_pylist())


def _writers(connection: Any) -> list[dict[str, Any]]:
    return [{**row, "sampling": json.loads(row["sampling"] or "{}")} for row in _rows(connection, _WRITERS)]


def _benchmarks(pins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The benchmarks that every contributing night looked for: name, revision, split, rows, sha256."""
    by_key: dict[str, dict[str, Any]] = {}
    for pin in pins:
        entries = pin.get("benchmarks") or {}
        entries = json.loads(entries) if isinstance(entries, str) else entries
        for entry in entries.get("benchmarks", []):
            by_key[f"{entry['name']}/{entry['split']}/{entry['sha256']}"] = entry
    return [by_key[key] for key in sorted(by_key)]

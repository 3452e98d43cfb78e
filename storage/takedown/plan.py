"""What a takedown would touch: the rows that were named, copies of them, calls behind them alone, releases and checkpoints.

Also what stays and somebody should look at: calls that other rows need, rows that resemble a removed one, rows that quote a
removed problem. Text is compared here and recorded nowhere.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import LakeError
from storage.ids import digest
from storage.lake.lake import Lake
from storage.lake.lineage import models_that_read
from storage.lake.tombstones import CONTENT, content_digests
from storage.ledger.ledger import Ledger
from storage.messages import said_in
from storage.sql.rows import sample_ids_where
from storage.takedown.carry_out import Takedown
from storage.takedown.redaction import hit_releases

_EXAMPLES = 10

_SAME = " and ".join(f"s.{column} is not distinct from h.{column}" for column in CONTENT)
_COPIES = f"""
with h as (select distinct {", ".join(CONTENT)} from samples where sample_id in (select unnest($ids::varchar[])))
select distinct s.sample_id from samples s join h on {_SAME}
where s.sample_id not in (select unnest($ids::varchar[])) order by all
"""
_BEHIND = " union ".join(
    [
        "select sample_id, unnest(parents) as call_id from samples",
        "select subject_id as sample_id, unnest(call_ids) as call_id from evidence where subject = 'sample'",
    ]
)
_NEEDED = f"""
select call_id, min(sample_id) as sample_id from ({_BEHIND})
where call_id in (select unnest($calls::varchar[])) and sample_id not in (select unnest($ids::varchar[]))
group by call_id order by call_id
"""
_QUOTING_CALLS = """
select distinct call_id from calls c, (select unnest($prompts::varchar[]) as prompt) q
where len(list_filter(c.messages, lambda m: contains(m.content, q.prompt)
          or contains(coalesce(m.tool_calls::varchar, ''), q.prompt))) > 0
"""
_QUOTING_ROWS = """
select distinct sample_id from samples s, (select unnest($prompts::varchar[]) as prompt) q
where s.sample_id not in (select unnest($ids::varchar[])) and (contains(coalesce(s.response, ''), q.prompt)
   or contains(coalesce(s.text, ''), q.prompt) or len(list_filter(s.messages, lambda m: contains(m.content, q.prompt)
          or contains(coalesce(m.tool_calls::varchar, ''), q.prompt))) > 0)
order by all
"""
_SIMILAR = """
select distinct v.sample_id from verdicts v
where json_valid(v.detail) and (v.detail->>'$.kept') in (select unnest($ids::varchar[]))
  and v.sample_id not in (select unnest($ids::varchar[])) order by all
"""


_STRUCTURES = "select distinct structure_id from problems where problem_id in (select unnest($ids::varchar[]))"
_PROMPTS = "select prompt from problems where problem_id in (select unnest($ids::varchar[]))"
_OF_PROBLEMS = "select sample_id from samples where problem_id in (select unnest($ids::varchar[]))"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go, and what would stay.

    Attributes:
        takedown: What would be removed.
        copies: Rows among it that nobody named: they hold the same as one that was.
        checkpoints: `checkpoint_id`, `stage`, `itself` (not through an ancestor only), `rows`, `promoted`.
        kept_calls: Calls that stay, each with a row that stays and needs it.
        similar: Rows that stay and were found to be near-duplicates of one that goes.
        quoting: Rows that stay and hold the question of a problem that goes.
        backups: Back-ups of this workspace, which go.
    """

    takedown: Takedown
    copies: tuple[str, ...]
    checkpoints: tuple[Mapping[str, Any], ...]
    kept_calls: Mapping[str, str]
    similar: tuple[str, ...]
    quoting: tuple[str, ...]
    backups: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            **self.takedown.to_json(), "copies": list(self.copies), "checkpoints": [dict(row) for row in self.checkpoints],
            "kept_calls": dict(self.kept_calls), "similar": list(self.similar), "quoting": list(self.quoting),
            "backups": list(self.backups),
        }  # fmt: skip


def plan_takedown(
    lake: Lake,
    *,
    because: str,
    samples: Sequence[str] = (),
    problems: Sequence[str] = (),
    where: str | None = None,
) -> Plan:
    """Say what a takedown would touch; nothing is changed.

    Args:
        lake: The lake.
        because: Why, for the record; it is kept, so it must not quote what goes.
        samples: Ids of rows.
        problems: Ids of problems: everything that was made from them goes.
        where: Condition over the columns of `samples` and of the problem (`prompt`, `gold`, `license`, `structure_id`), run like
            anybody's SQL; it is not kept.

    Raises:
        LakeError: Nothing is named, or there is no such row or problem (it may have been taken down already).
        QueryError: The condition is more than a condition, or fails.
    """
    if not because.strip():
        raise LakeError("a takedown needs a reason; it is kept, so it must not quote what goes")
    named = [name for name, given in (("sample", samples), ("problem", problems), ("condition", where)) if given]
    if not named:
        raise LakeError("name what goes: sample ids, problem ids (--problem), or a condition (--where)")
    ids = _named_rows(lake, samples, problems, where)
    copies = _column(lake, _COPIES, ids=ids)
    sample_ids, problem_ids = sorted(ids | copies), sorted(set(problems))
    prompts = _column(lake, _PROMPTS, ids=problem_ids)
    calls = _calls(lake, sample_ids, prompts)
    needed = lake.query_named(_NEEDED, {"calls": sorted(calls), "ids": sample_ids}).to_pylist()
    kept = {row["call_id"]: row["sample_id"] for row in needed}
    checkpoints = models_that_read(lake, [*sample_ids, *problem_ids])
    held = lake.query("select * from samples where sample_id in (select unnest(?::varchar[]))", [sample_ids])
    takedown = Takedown(
        takedown_id=digest("takedown", sample_ids, problem_ids, length=16),
        kind="+".join(named),
        because=because.strip(),
        sample_ids=tuple(sample_ids),
        problem_ids=tuple(problem_ids),
        structure_ids=tuple(sorted(_column(lake, _STRUCTURES, ids=problem_ids))),
        call_ids=tuple(sorted(calls - set(kept))),
        contents=tuple(sorted(set(content_digests(held)))),
        releases=tuple(hit_releases(lake, sample_ids)),
        checkpoints=tuple(row["checkpoint_id"] for row in checkpoints),
    )
    quoting = _column(lake, _QUOTING_ROWS, ids=sample_ids, prompts=prompts) if prompts else set()
    return Plan(
        takedown,
        copies=tuple(sorted(copies)),
        checkpoints=tuple(checkpoints),
        kept_calls=kept,
        similar=tuple(sorted(_column(lake, _SIMILAR, ids=sample_ids))),
        quoting=tuple(sorted(quoting)),
        backups=tuple(sorted(path.name for path in (lake.workspace.root / "backups").glob("[!.]*"))),
    )


def _named_rows(lake: Lake, samples: Sequence[str], problems: Sequence[str], where: str | None) -> set[str]:
    """Return the ids of the rows that were named, by themselves, by their problem or by a condition.

    Raises:
        LakeError: A row or a problem is not there, or the condition selects no row.
        QueryError: The condition is more than a condition, or fails.
    """
    _must_be_there(lake, "samples", "sample_id", samples)
    _must_be_there(lake, "problems", "problem_id", problems)
    selected = [] if where is None else sample_ids_where(lake.workspace, where)
    ids = {*samples, *selected, *_column(lake, _OF_PROBLEMS, ids=problems)}
    if where is not None and not ids:
        raise LakeError("the condition selects no row; look with `nightschool sql`")
    return ids


def _column(lake: Lake, statement: str, **parameters: Collection[str]) -> set[str]:
    table = lake.query_named(statement, {name: sorted(values) for name, values in parameters.items()})
    return {value for value in table.column(0).to_pylist() if value}


def _must_be_there(lake: Lake, table: str, column: str, ids: Sequence[str]) -> None:
    there = _column(lake, f"select {column} from {table} where {column} in (select unnest($ids::varchar[]))", ids=ids)
    for given in ids:
        if given in there:
            continue
        taken_down = lake.rows(f"select takedown_id from takedowns where list_contains({column}s, ?) limit 1", [given])
        why = f"takedown {taken_down[0]['takedown_id']} has removed it" if taken_down else f"there is none in {table}"
        raise LakeError(f"{column} {given!r}: {why}")


def _calls(lake: Lake, rows: Sequence[str], prompts: Collection[str]) -> set[str]:
    """Return the calls behind rows, and, published or not, those that asked about one of these problems."""
    behind = f"select call_id from ({_BEHIND}) where sample_id in (select unnest($ids::varchar[]))"
    call_ids = _column(lake, behind, ids=rows)
    if not prompts:
        return call_ids
    call_ids |= _column(lake, _QUOTING_CALLS, prompts=prompts)
    if lake.workspace.ledger.exists():
        with Ledger(lake.workspace.ledger) as ledger:
            call_ids |= {
                call.key
                for call in ledger.unpublished()
                if any(prompt in said_in(message) for message in call.messages for prompt in prompts)
            }
    return call_ids

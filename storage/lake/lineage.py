"""Lineage both ways: from a checkpoint to the calls behind each row it read, from a row to every checkpoint it reached.

A checkpoint "read" what its stage and its ancestors' stages really read, as `stage_rows` names it: rows of a release, problems
without a row, and corpora, of which only name and digest are kept. What an older version trained, which named no rows, counts as
having read its whole release.
"""

import json
from collections.abc import Collection
from typing import Any

from storage.errors import LakeError
from storage.lake.lake import Lake

_SUMMARY = """
select ancestor, stage, l.release_id, l.night, l.method, count(distinct sample_id) as rows, count(distinct call_id) as calls
from lineage l join checkpoints k on k.checkpoint_id = l.ancestor
where l.checkpoint_id = ? group by all order by all
"""
_BESIDE = """
with recursive ancestry as (
    select checkpoint_id as ancestor, parent, stage, read from checkpoints where checkpoint_id = ?
    union
    select p.checkpoint_id, p.parent, p.stage, p.read from ancestry a join checkpoints p on p.checkpoint_id = a.parent
)
select ancestor, stage, read->>'$.name' as name, coalesce((read->>'$.problems')::bigint, 0) as problems,
       coalesce((read->>'$.corpus_texts')::bigint, 0) as texts, read->>'$.corpora' as corpora
from ancestry where read is not null order by all
"""
_ROWS = """
select l.sample_id, l.method, l.night, l.problem_id, l.ancestor, l.release_id, l.call_id, c.model, c.role, c.act,
       c.prompt_tokens, c.completion_tokens
from lineage l left join (select distinct on (call_id) * from calls) c using (call_id)
where l.checkpoint_id = ? order by l.sample_id, l.call_id
"""
_READERS = """
select checkpoint_id, any_value(stage) as stage, bool_or(ancestor = checkpoint_id) as itself,
       count(distinct coalesce(sample_id, problem_id)) as rows,
       checkpoint_id in (select checkpoint_id from students) as promoted
from taught where coalesce(sample_id, problem_id) in (select unnest($ids::varchar[]))
group by checkpoint_id order by checkpoint_id
"""
_MODELS = """
select c.model, c.role, count(distinct call_id) as calls, sum(completion_tokens)::bigint as completion_tokens
from (select distinct call_id from lineage where checkpoint_id = ?) join (select distinct on (call_id) * from calls) c
using (call_id) group by all order by all
"""


def checkpoint_lineage(lake: Lake, checkpoint: str) -> dict[str, Any]:
    """Return where a checkpoint comes from.

    Returns:
        `checkpoint_id`, `read` (rows and calls by ancestor, release, night and method), `beside` (by ancestor, its problems
        without a row and its texts of corpora) and `models` (who answered).

    Args:
        lake: The lake.
        checkpoint: An id, or the beginning of one that no other checkpoint shares.

    Raises:
        LakeError: There is no such checkpoint, or several.
    """
    identity = _one(lake, checkpoint)
    return {
        "checkpoint_id": identity,
        "read": lake.rows(_SUMMARY, [identity]),
        "beside": [
            {**row, "corpora": json.loads(row["corpora"] or "[]")}
            for row in lake.rows(_BESIDE, [identity])
            if row["problems"] or row["texts"]
        ],
        "models": lake.rows(_MODELS, [identity]),
    }


def checkpoint_calls(lake: Lake, checkpoint: str) -> list[dict[str, Any]]:
    """Return every row that a checkpoint or its ancestors read, once per call behind it, with who answered.

    Raises:
        LakeError: There is no such checkpoint, or several.
    """
    return lake.rows(_ROWS, [_one(lake, checkpoint)])


def is_checkpoint(lake: Lake, beginning: str) -> bool:
    """Return whether some checkpoint's id begins like this."""
    return bool(lake.rows("select 1 from checkpoints where starts_with(checkpoint_id, ?) limit 1", [beginning]))


def models_that_read(lake: Lake, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return the models that read some rows, or problems without a row, themselves or through an ancestor.

    Returns:
        `checkpoint_id`, `stage`, `itself` (not through an ancestor only), `rows` and `promoted` of each.
    """
    return list(lake.query_named(_READERS, {"ids": sorted(ids)}).to_pylist())


def tainted_models(lake: Lake) -> list[dict[str, Any]]:
    """Return the models that read rows which are rejected by now: the view `tainted`, in order of their ids."""
    return lake.rows("select * from tainted order by checkpoint_id")


def rewarded_models(lake: Lake) -> list[dict[str, Any]]:
    """Return the models that a stage made by rewards: `checkpoint_id`, `stage`, and `judge`, who judged by task.

    `judge` is null for what an older version trained.
    """
    rows = lake.rows(
        "select checkpoint_id, stage, read from checkpoints where stage = 'rl' or json_exists(read, '$.judge') order by all"
    )
    return [
        {
            "checkpoint_id": row["checkpoint_id"],
            "stage": row["stage"],
            "judge": json.loads(row["read"] or "{}").get("judge"),
        }
        for row in rows
    ]


def row_checkpoints(lake: Lake, sample_id: str) -> list[dict[str, Any]]:
    """Return every checkpoint that read a row, itself or through an ancestor, with the release it stood in."""
    return lake.rows(
        "select t.checkpoint_id, t.stage, t.ancestor, t.release_id, k.night, "
        "t.checkpoint_id in (select checkpoint_id from students) as promoted "
        "from taught t join checkpoints k using (checkpoint_id) where t.sample_id = ? "
        "order by k.night, t.checkpoint_id, t.release_id",
        [sample_id],
    )


def _one(lake: Lake, beginning: str) -> str:
    rows = lake.rows(
        "select distinct checkpoint_id from checkpoints where starts_with(checkpoint_id, ?) order by all limit 6",
        [beginning],
    )
    exact = [row for row in rows if row["checkpoint_id"] == beginning]
    if len(rows) != 1 and not exact:
        fault = (
            f"several begin like this: {', '.join(row['checkpoint_id'] for row in rows)}" if rows else "there is none"
        )
        raise LakeError(
            f'checkpoint {beginning!r}: {fault}; list ids with `nightschool sql "select checkpoint_id from checkpoints"`'
        )
    return str((exact or rows)[0]["checkpoint_id"])

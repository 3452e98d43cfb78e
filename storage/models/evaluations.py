"""Responses to held-out problems: every one is kept, and what people ask of them."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.ids import digest
from storage.lake.lake import Lake

_COLUMNS = "e.* exclude (commit_id, finish_reason, judge, turns), e.finish_reason, e.judge, e.turns"
"""The new ones by name, so that a lake that lacks them says how it gets them."""


def set_version(problem_ids: Sequence[str]) -> str:
    """Identity of an evaluation set: its items."""
    return digest("set", sorted(problem_ids), length=16)


def evaluation_key(checkpoint_id: str, version: str, config: Any) -> str:
    """Idempotency key of an evaluation: the same model on the same items in the same way is evaluated once."""
    return f"evaluation:{checkpoint_id}:{version}:{digest(json.loads(json.dumps(config)), length=12)}"


def find_evaluation(lake: Lake, key: str) -> pa.Table | None:
    """Return the responses of an evaluation, None when it was not made."""
    if not lake.has(key):
        return None
    return lake.query(
        f"select {_COLUMNS} from evaluations e join commits c using (commit_id) where c.key = ? "
        "order by problem_id, mode, sample",
        [key],
    )


def record_evaluation(
    lake: Lake, key: str, responses: pa.Table, *, checkpoint_id: str, version: str, night: str
) -> None:
    """Commit the responses of a model, once.

    Args:
        lake: The lake.
        key: Idempotency key.
        responses: Columns problem_id, task, tier, mode, sample, response, finish_reason, answer, outcome and judge, perhaps turns.
        checkpoint_id: The model.
        version: Version of the set.
        night: Night that asked.
    """
    count = responses.num_rows

    def constant(value: str) -> pa.Array:
        return pa.array([value] * count, pa.string())

    table = responses
    for name, value in (
        ("evaluation_id", key),
        ("checkpoint_id", checkpoint_id),
        ("set_version", version),
        ("night", night),
    ):
        table = table.append_column(name, constant(value))
    if "sample_number" in table.column_names:
        table = table.rename_columns(["sample" if name == "sample_number" else name for name in table.column_names])
    table = table.set_column(
        table.column_names.index("sample"), "sample", pc.cast(pc.fill_null(table["sample"], 0), pa.int64())
    )
    lake.commit(key, "evaluation", {"evaluations": table}, night=night)


def accuracies(lake: Lake, checkpoint_id: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return greedy (correct, total) by task and tier on the last promotion set the model was evaluated on."""
    rows = lake.rows(
        """
        with last as (
            select e.evaluation_id from evaluations e join commits c using (commit_id)
            join problems p using (problem_id)
            where e.checkpoint_id = ? and e.mode = 'greedy' and p.split = 'heldout' order by c.seq desc limit 1
        )
        select task, tier, count(*) filter (where outcome = 'correct') as correct, count(*) as total
        from evaluations where evaluation_id in (select evaluation_id from last) and mode = 'greedy' group by task, tier
        """,
        [checkpoint_id],
    )
    return {(row["task"], row["tier"]): (row["correct"], row["total"]) for row in rows}


def common_sets(lake: Lake, first: str, other: str) -> list[str]:
    """Return the versions of the sets that two checkpoints have both answered greedily, newest first."""
    rows = lake.rows(
        "select set_version, max(c.seq) as last from evaluations e join commits c using (commit_id) "
        "where e.mode = 'greedy' and checkpoint_id in ($1, $2) group by set_version "
        "having count(distinct checkpoint_id) = len(list_distinct([$1, $2])) order by last desc",
        [first, other],
    )
    return [row["set_version"] for row in rows]


def answers_of(lake: Lake, checkpoint_id: str, version: str) -> pa.Table:
    """Return the greedy answers of a checkpoint to a set, of its last evaluation."""
    return lake.query(
        "with last as (select e.evaluation_id from evaluations e join commits c using (commit_id) "
        "where checkpoint_id = $1 and set_version = $2 and mode = 'greedy' order by c.seq desc limit 1) "
        f"select {_COLUMNS} from evaluations e where evaluation_id in (select evaluation_id from last) "
        "and mode = 'greedy' order by problem_id",
        [checkpoint_id, version],
    )


def judged_by(lake: Lake) -> list[dict[str, Any]]:
    """Return which versions of the judge decided answers: `task`, `judge`, `answers` and `models`."""
    return lake.rows(
        "select task, judge, count(*) as answers, count(distinct checkpoint_id) as models from evaluations "
        "group by all order by all"
    )

"""What else an attempt wrote, what scorers say of each of its rows, and the tree of the search that a row comes from."""

import json
from collections.abc import Mapping
from typing import Any

from storage.lake.lake import Lake

_ROWS = """
select sample_id, answer, words from samples where night = ? and attempt_id = ? order by position, sample_id
"""
_DECIDED = """
select v.sample_id, v.outcome, v.reason from observations v join commits c using (commit_id)
where v.night = ? and v.filter = 'policy' and v.sample_id in (select unnest(?::varchar[]))
qualify row_number() over (partition by v.sample_id order by c.seq desc) = 1
"""
_SCORES = """
select sample_id, scorer, value, reason from scores where night = ? and sample_id in (select unnest(?::varchar[]))
qualify row_number() over (partition by sample_id, scorer order by commit_id desc) = 1 order by scorer
"""


def candidates_of(lake: Lake, sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a row's attempt, itself among them, as they were written.

    Each has `sample_id`, `answer`, `words`, `outcome`, `reason` and `scores`, a list of `scorer`, `value` and `reason` (why there
    is no value). There are none where the attempt wrote one row that no scorer looked at.
    """
    night = sample["night"]
    rows = lake.rows(_ROWS, [night, sample["attempt_id"]])
    identities = [row["sample_id"] for row in rows]
    decided = {row.pop("sample_id"): row for row in lake.rows(_DECIDED, [night, identities])}
    scores: dict[str, list[dict[str, Any]]] = {identity: [] for identity in identities}
    for score in lake.rows(_SCORES, [night, identities]):
        scores[score.pop("sample_id")].append(score)
    if len(rows) < 2 and not any(scores.values()):
        return []
    open_ = {"outcome": None, "reason": None}
    return [{**row, **decided.get(row["sample_id"], open_), "scores": scores[row["sample_id"]]} for row in rows]


def tree_of(sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of the search that a row comes from, parents first: `node`, `parent`, `step`, `value`, `visits`, `right`."""
    notes = json.loads(sample.get("notes") or "{}")
    return list(notes.get("tree") or [])

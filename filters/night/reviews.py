"""What people say of rows takes effect: rows that the policy of their method lets people decide are decided again.

A review is never more than one half of a decision: a row that a filter rejects stays rejected whoever accepts it. New decisions are
appended, and what was decided before stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from filters.night.policy import BY_PEOPLE, NAME, Policies
from storage.catalog.leases import Lease
from storage.ids import digest
from storage.lake.lake import Lake, table_of

KIND = "reviews"
"""Kind of the commits with such decisions."""

_DECIDED = """
select s.sample_id, s.night, s.method, d.outcome, d.reason, r.verdict
from decisions d join samples s using (sample_id) left join reviewed r using (sample_id)
where split_part(s.night, '/', 2) = $recipe and (d.outcome = 'accepted' or starts_with(d.reason, $by_people))
and ($everything or r.verdict is not null or d.outcome = 'rejected') order by s.sample_id
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """What changed.

    Attributes:
        entered: Rows that are accepted now.
        left: Rows that are rejected now.
        waiting: Rows that nobody has reviewed and that wait for it, those that waited before among them.
    """

    entered: int
    left: int
    waiting: int


def verdicts_of_people(lake: Lake, ids: Iterable[str]) -> dict[str, str]:
    """Return what people say together of those of some rows that they reviewed: `accept` or `reject` (the view `reviewed`)."""
    rows = lake.rows(
        "select sample_id, verdict from reviewed where sample_id in (select unnest(?::varchar[]))", [list(ids)]
    )
    return {row["sample_id"]: row["verdict"] for row in rows}


def apply_reviews(lake: Lake, recipe: str, policies: Policies, lease: Lease | None = None) -> Applied:
    """Decide again on the rows of a recipe's nights about which people and decisions differ.

    Whoever calls this holds the lease of deciding, so that no night decides at the same time.

    Args:
        lake: The lake.
        recipe: Name of the recipe.
        policies: Its policies of today.
        lease: That of deciding, which must still be held when the commit takes effect.

    Raises:
        LeaseError: It has passed to another; nothing is written.
    """
    everything = any(policy.reviews == "require" for policy in [policies.default, *policies.methods.values()])
    decided = lake.query_named(_DECIDED, {"recipe": recipe, "by_people": f"{BY_PEOPLE}:", "everything": everything})
    changed: list[dict[str, Any]] = []
    waiting = 0
    for row in decided.to_pylist():
        reason = policies.of(row["method"] or "").kept_out(row["verdict"])
        waiting += row["verdict"] is None and reason is not None
        if reason != row["reason"]:
            changed.append(_decision(row, reason, policies.version))
    if changed:
        key = digest([(row["sample_id"], row["reason"]) for row in changed], length=16)
        lake.commit(f"{KIND}:{recipe}:{lake.last_seq()}:{key}", KIND, {"verdicts": _table(changed)}, lease=lease)
    left = sum(row["outcome"] == "rejected" and row["was"] == "accepted" for row in changed)
    return Applied(sum(row["outcome"] == "accepted" for row in changed), left, waiting)


def _decision(row: Mapping[str, Any], reason: str | None, version: str) -> dict[str, Any]:
    return {
        "sample_id": row["sample_id"], "filter": NAME, "version": version, "outcome": "rejected" if reason else "accepted",
        "reason": reason, "detail": None, "night": row["night"], "was": row["outcome"],
    }  # fmt: skip


def _table(changed: list[dict[str, Any]]) -> pa.Table:
    return table_of("verdicts", [{name: row[name] for name in row if name != "was"} for row in changed])

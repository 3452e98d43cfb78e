"""Promotion sets and the looks at them: items wear out when decisions are made by them again and again.

A set is put together once per night and named by its items. A decision that shares any item with an earlier one is a further
look: the number of looks decides the level that may still be spent (`train_stages.promotion.statistics.spent_alpha`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from storage.lake.lake import Lake, table_of
from storage.models.evaluations import set_version


def open_set(lake: Lake, night: str) -> bool:
    """Return whether a night's promotion set was put together."""
    return lake.has(f"promotion-set:{night}")


def record_set(lake: Lake, items: Sequence[str], drawn: Sequence[Mapping[str, Any]], *, name: str, night: str) -> str:
    """Record a night's promotion set with the problems that were drawn for it, once; returns its version."""
    version = set_version(items)
    members = [{"set_version": version, "name": name, "problem_id": item, "night": night} for item in items]
    tables = {"problems": table_of("problems", drawn), "evaluation_sets": table_of("evaluation_sets", members)}
    lake.commit(f"promotion-set:{night}", "heldout", tables, night=night)
    return version


def set_problems(lake: Lake, night: str) -> list[dict[str, Any]]:
    """Return the problems of a night's promotion set, in the order of their ids."""
    return lake.rows(
        "select distinct p.* exclude (commit_id) from problems p join evaluation_sets s using (problem_id) "
        "join commits c on c.commit_id = s.commit_id where c.key = ? and p.split = 'heldout' order by problem_id",
        [f"promotion-set:{night}"],
    )


def items_of(lake: Lake, source: str, tier: int) -> list[str]:
    """Return every held-out item of a source and tier."""
    rows = lake.rows(
        "select distinct problem_id from problems where split = 'heldout' and source = ? and tier = ? order by problem_id",
        [source, tier],
    )
    return [row["problem_id"] for row in rows]


def unlooked(lake: Lake, source: str, tier: int) -> list[str]:
    """Return the held-out items of a source and tier that stand in no promotion set yet."""
    rows = lake.rows(
        "select distinct problem_id from problems where split = 'heldout' and source = ? and tier = ? "
        "and problem_id not in (select problem_id from evaluation_sets) order by problem_id",
        [source, tier],
    )
    return [row["problem_id"] for row in rows]


def earlier_looks(lake: Lake, version: str, *, night: str) -> int:
    """Return how many decisions of other nights looked at any item of a set."""
    rows = lake.rows(
        "select count(*) as n from (select distinct l.night, l.candidate, l.incumbent from promotion_looks l "
        "where l.night is distinct from $1 and l.set_version in ("
        "select set_version from evaluation_sets where problem_id in "
        "(select problem_id from evaluation_sets where set_version = $2)))",
        [night, version],
    )
    return int(rows[0]["n"])


def look_row(
    version: str, *, incumbent: str, candidate: str, look: int, level: float, items: int, night: str
) -> pa.Table:
    """Make the row that says that a decision looked at a set."""
    row = {
        "set_version": version, "incumbent": incumbent, "candidate": candidate, "look": look, "level": level,
        "items": items, "night": night, "created_at": datetime.now(UTC),
    }  # fmt: skip
    return table_of("promotion_looks", [row])

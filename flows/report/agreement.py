"""How far people agree with the policy and with each filter, as shares with 95 % intervals."""

from collections.abc import Mapping
from typing import Any

from storage.lake.lake import Lake
from storage.lake.reviews import agreement
from train_stages.promotion.statistics import wilson


def people_agree(lake: Lake, night: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return `policy` and `filters` of `storage.lake.reviews.agreement`, each line with `share` and `interval`.

    Filters that failed no reviewed row say nothing about people and are left out.
    """
    counted = agreement(lake, night)
    return {
        "policy": [_with_interval(row, row["rows"]) for row in counted["policy"]],
        "filters": [
            _with_interval(row, row["decided"]) for row in counted["filters"] if row["caught"] + row["wrongly_failed"]
        ],
    }


def _with_interval(row: Mapping[str, Any], of: int) -> dict[str, Any]:
    share = wilson(row["agreed"], of)
    return {**row, "share": share.value if of else None, "interval": [share.low, share.high]}

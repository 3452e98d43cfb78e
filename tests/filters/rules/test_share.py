import json

import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import table


def rows(confirmations: int, corrections: int, cap: float = 0.3) -> list[dict]:
    notes_of_rows = [
        {"share": {"of": "confirmation", "cap": cap, "draw": (number * 37 % 101) / 101}}
        for number in range(confirmations)
    ] + [{}] * corrections
    return [
        {"sample_id": f"s{number:03}", "method": "tutorship", "kind": "sft", "notes": json.dumps(notes)}
        for number, notes in enumerate(notes_of_rows)
    ]


@pytest.mark.parametrize(("confirmations", "corrections", "kept"), [(100, 70, 30), (10, 70, 10), (50, 0, 0), (0, 5, 0)])
def test_a_capped_kind_stays_below_its_share(confirmations, corrections, kept):
    verdicts = get_filter("share")(table(*rows(confirmations, corrections)), Context()).to_pylist()
    assert sum(row["outcome"] == "pass" for row in verdicts) == kept + corrections
    assert {row["reason"] for row in verdicts} <= {None, "over_share"}


def test_neither_order_nor_rejected_rows_decide():
    items = rows(40, 40)
    judge = get_filter("share")

    def kept(rows, eligible=None):
        verdicts = judge(table(*rows), Context(eligible=eligible)).to_pylist()
        return {row["sample_id"] for row in verdicts if row["outcome"] == "pass"}

    assert kept(items) == kept(items[::-1])
    standing = frozenset(row["sample_id"] for row in (*items[:40], *items[40:54]))  # 14 corrections make room for 6
    assert len({row["sample_id"] for row in items[:40]} & kept(items, standing)) == 6

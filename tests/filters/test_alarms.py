import pyarrow as pa
import pytest

from filters.alarms import AlarmError, find_alarms, raise_alarms
from filters.base import VERDICTS


def night(removed, rows=100, method="cot", reason="answer:wrong_answer"):
    samples = pa.table({"sample_id": [f"{method}{n:03}" for n in range(rows)], "method": [method] * rows})
    said = [
        (one, "rejected", reason) if n < removed else (one, "accepted", None)
        for n, one in enumerate(samples["sample_id"].to_pylist())
    ]
    decisions = [
        {"sample_id": one, "filter": "policy", "version": "1", "outcome": out, "reason": why} for one, out, why in said
    ]
    return samples, pa.Table.from_pylist(decisions, schema=VERDICTS)


def test_a_filter_that_removes_too_much_stops_the_release():
    (alarm,) = find_alarms(*night(95))
    assert (alarm.method, alarm.filter, alarm.rows, alarm.removed) == ("cot", "answer", 100, 95)
    assert alarm.reasons == {"wrong_answer": 95} and list(alarm.examples) == ["cot000", "cot001", "cot002"]
    with pytest.raises(AlarmError, match=r"answer removed 95 of 100 rows of cot \(wrong_answer 95\).*why cot000"):
        raise_alarms([alarm])
    raise_alarms([])


def test_below_the_share_and_small_methods_raise_none():
    assert find_alarms(*night(90)) == []
    assert find_alarms(*night(49, rows=49)) == []
    assert find_alarms(*night(49, rows=49), fewest=10)


def test_shares_by_filter_and_by_method():
    assert find_alarms(*night(30), shares={"answer": 0.2})
    assert find_alarms(*night(99), shares={"answer": 0.2, "cot/answer": 1.0}) == []
    assert find_alarms(*night(99), shares={"length": 1.0})


def test_several_filters_are_counted_apart():
    samples, decisions = night(60)
    reasons = ["answer:no_answer" if n < 30 else "length:too_long" for n in range(60)] + [None] * 40
    decisions = decisions.set_column(decisions.column_names.index("reason"), "reason", pa.array(reasons))
    assert find_alarms(samples, decisions, share=0.4) == []
    assert [alarm.filter for alarm in find_alarms(samples, decisions, share=0.2)] == ["answer", "length"]

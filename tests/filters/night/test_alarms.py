import pyarrow as pa
import pytest

from filters.base import VERDICTS
from filters.night.alarms import (
    AlarmError,
    AlarmOptions,
    accept_alarms,
    find_alarms,
    list_alarms,
    open_alarms,
    read_alarm_options,
    stop_on_alarms,
)
from storage.errors import RecipeError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.filters.helpers import row, table

NIGHT = "2026-01-01/small"


def decided(removed, rows=100, method="cot", reason="answer:wrong_answer"):
    samples = pa.table({"sample_id": [f"{method}{n:03}" for n in range(rows)], "method": [method] * rows})
    outcomes = [
        (sample_id, "rejected", reason) if n < removed else (sample_id, "accepted", None)
        for n, sample_id in enumerate(samples["sample_id"].to_pylist())
    ]
    decisions = [
        {"sample_id": sample_id, "filter": "policy", "version": "1", "outcome": out, "reason": why}
        for sample_id, out, why in outcomes
    ]
    return samples, pa.Table.from_pylist(decisions, schema=VERDICTS)


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        yield opened


def commit(lake, removed, night=NIGHT, reason="answer:wrong_answer"):
    samples, decisions = decided(removed, reason=reason)
    rows = [row(f"{night}{sample_id}", night=night) for sample_id in samples["sample_id"].to_pylist()]
    renamed = pa.array([f"{night}{sample_id}" for sample_id in decisions["sample_id"].to_pylist()])
    decisions = decisions.set_column(0, "sample_id", renamed).append_column("night", pa.array([night] * len(rows)))
    lake.commit(f"samples:{night}", "samples", {"samples": table(*rows), "verdicts": decisions}, night=night)


def test_what_a_filter_removed_of_a_method():
    (alarm,) = find_alarms(*decided(95))
    assert (alarm.method, alarm.filter, alarm.rows, alarm.removed, alarm.share) == ("cot", "answer", 100, 95, 0.9)
    assert alarm.reasons == {"wrong_answer": 95} and list(alarm.examples) == ["cot000", "cot001", "cot002"]


def test_below_the_share_and_small_methods_raise_none():
    assert find_alarms(*decided(90)) == []
    assert find_alarms(*decided(49, rows=49)) == []
    assert find_alarms(*decided(49, rows=49), AlarmOptions(fewest=10))


def test_shares_by_filter_method_and_both():
    assert find_alarms(*decided(30), AlarmOptions(shares={"answer": 0.2}))
    assert find_alarms(*decided(99), AlarmOptions(shares={"answer": 0.2, "cot/answer": 1.0})) == []
    assert find_alarms(*decided(99), AlarmOptions(shares={"answer": 0.2, "cot": 1.0})) == []
    assert find_alarms(*decided(99), AlarmOptions(shares={"length": 1.0}))
    repeated = decided(100, reason="exact_duplicates:duplicate")
    assert find_alarms(*repeated) == find_alarms(*repeated, AlarmOptions(shares={"length": 1.0})) == []
    assert find_alarms(*repeated, AlarmOptions(shares={"exact_duplicates": 0.5}))


def test_several_filters_are_counted_apart():
    samples, decisions = decided(60)
    reasons = ["answer:no_answer" if n < 30 else "length:too_long" for n in range(60)] + [None] * 40
    decisions = decisions.set_column(decisions.column_names.index("reason"), "reason", pa.array(reasons))
    assert find_alarms(samples, decisions, AlarmOptions(share=0.4)) == []
    assert [alarm.filter for alarm in find_alarms(samples, decisions, AlarmOptions(share=0.2))] == ["answer", "length"]


def test_the_night_stops_until_someone_accepts(lake):
    commit(lake, 95)
    for _ in range(2):
        with pytest.raises(AlarmError) as stopped:
            stop_on_alarms(lake, NIGHT)
    message = str(stopped.value)
    for part in (
        "answer removed 95 of 100 rows of cot (wrong_answer 95), more than the share of 0.9",
        f"nightschool why {NIGHT}cot000",
        f"nightschool alarms accept {NIGHT}",
    ):
        assert part in message
    assert len(lake.rows("select * from alarms")) == 1, "raised once, however often the night is tried"
    assert [str(alarm) for alarm in accept_alarms(lake, NIGHT, "a toy")] == [
        str(alarm) for alarm in find_alarms(*decided(95))
    ]
    assert accept_alarms(lake, NIGHT) == [] == open_alarms(lake, NIGHT)
    stop_on_alarms(lake, NIGHT)
    assert [(alarm["note"], alarm["accepted"] is None) for alarm in list_alarms(lake)] == [("a toy", False)]


def test_accepting_one_night_accepts_no_other(lake):
    with pytest.raises(AlarmError, match="raised no alarm; no night has"):
        accept_alarms(lake, NIGHT)
    for night in (NIGHT, "2026-01-02/small"):
        commit(lake, 95, night)
        with pytest.raises(AlarmError):
            stop_on_alarms(lake, night)
    accept_alarms(lake, NIGHT)
    with pytest.raises(AlarmError):
        stop_on_alarms(lake, "2026-01-02/small")
    with pytest.raises(AlarmError, match="there are alarms of 2026-01-01/small, 2026-01-02/small"):
        accept_alarms(lake, "2026-01-03/small")


def test_a_quiet_night_goes_on(lake):
    commit(lake, 50)
    stop_on_alarms(lake, NIGHT)
    assert list_alarms(lake) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shar": 0.5}, "did you mean 'share'"),
        ({"share": 1.5}, r"alarms.share: .* \(given: 1.5\)"),
        ({"shares": {"anser": 0.5}}, "alarms.shares.anser: .*'answer'"),
        ({"shares": {"cot/anser": 0.5}}, "alarms.shares.cot/anser: .*'answer'"),
        ({"shares": {"cott/answer": 0.5}}, "alarms.shares.cott/answer: .*'cot'"),
        ({"shares": {"answer": 0}}, "alarms.shares.answer = 0: a share lies above 0"),
    ],
)
def test_options_that_cannot_be_meant(given, message):
    with pytest.raises(RecipeError, match=message):
        read_alarm_options(given, methods=["cot"], filters=["answer", "length"])

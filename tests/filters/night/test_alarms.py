import pytest

from filters.night.alarms import (
    AlarmError,
    AlarmOptions,
    Removed,
    accept_alarms,
    find_alarms,
    list_alarms,
    open_alarms,
    read_alarm_options,
    stop_on_alarms,
)
from storage.errors import RecipeError
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace
from tests.filters.helpers import row, table

NIGHT = "2026-01-01/small"


def decided(removed, rows=100, method="cot", reason="answer:wrong_answer"):
    ids = [f"{method}{n:03}" for n in range(removed)]
    return {method: rows}, [Removed(method, reason, removed, ids[:3])]


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        yield opened


def commit(lake, removed, night=NIGHT, reason="answer:wrong_answer"):
    rows = [row(f"{night}cot{n:03}", night=night) for n in range(100)]
    decisions = [
        {
            "sample_id": item["sample_id"],
            "filter": "policy",
            "version": "1",
            "outcome": "rejected" if n < removed else "accepted",
            "reason": reason if n < removed else None,
            "night": night,
        }
        for n, item in enumerate(rows)
    ]
    tables = {"samples": table(*rows), "verdicts": table_of("verdicts", decisions)}
    lake.commit(f"samples:{night}", "samples", tables, night=night)


def test_what_a_filter_removed_of_a_method():
    (alarm,) = find_alarms(*decided(95))
    assert (alarm.method, alarm.filter, alarm.rows, alarm.removed, alarm.share) == ("cot", "answer", 100, 95, 0.9)
    assert alarm.reasons == {"wrong_answer": 95} and list(alarm.examples) == ["cot000", "cot001", "cot002"]


@pytest.mark.parametrize("reason", ["share:over_share", "caps:too_many_of_problem", "near_duplicates:near_duplicate"])
def test_caps_and_duplicates_may_take_all_unless_the_recipe_says_otherwise(reason):
    taken = decided(100, reason=reason)
    assert find_alarms(*taken) == find_alarms(*taken, AlarmOptions(shares={"length": 1.0})) == []
    assert find_alarms(*taken, AlarmOptions(shares={reason.partition(":")[0]: 0.9}))


def test_below_the_share_and_small_methods_raise_none():
    assert find_alarms(*decided(90)) == []
    assert find_alarms(*decided(49, rows=49)) == []
    assert find_alarms(*decided(49, rows=49), AlarmOptions(fewest=10))


def test_shares_by_filter_method_and_both():
    assert find_alarms(*decided(30), AlarmOptions(shares={"answer": 0.2}))
    assert find_alarms(*decided(99), AlarmOptions(shares={"answer": 0.2, "cot/answer": 1.0})) == []
    assert find_alarms(*decided(99), AlarmOptions(shares={"answer": 0.2, "cot": 1.0})) == []
    assert find_alarms(*decided(99), AlarmOptions(shares={"length": 1.0}))


def test_several_filters_are_counted_apart(lake):
    removed = [Removed("cot", reason, 30, ["a"]) for reason in ("answer:no_answer", "length:too_long")]
    assert find_alarms({"cot": 100}, removed, AlarmOptions(share=0.4)) == []
    assert [alarm.filter for alarm in find_alarms({"cot": 100}, removed, AlarmOptions(share=0.2))] == [
        "answer",
        "length",
    ]


def test_what_people_reject_raises_none():
    assert find_alarms(*decided(99, reason="reviews:rejected")) == []


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
    (accepted,) = accept_alarms(lake, NIGHT, "a toy")
    assert str(accepted) == str(find_alarms(*decided(95))[0])
    assert list(accepted.examples) == [f"{NIGHT}cot{n:03}" for n in range(3)]
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

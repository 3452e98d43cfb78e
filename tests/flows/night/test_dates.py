"""Logical dates: a run is the night it was scheduled for, and an outage's nights are made up for in order."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.night.dates import due_nights, logical_date, nights_since, too_late
from storage.errors import RecipeError

LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def test_a_run_is_the_night_it_was_scheduled_for_in_the_schedules_time_zone():
    assert logical_date(None, "UTC", LATE) == "2026-03-01"
    assert logical_date(None, "Europe/Berlin", LATE) == "2026-03-02"
    assert logical_date("2026-01-01", "Europe/Berlin", LATE) == "2026-01-01", "what the caller says wins"
    with pytest.raises(RecipeError, match="timezone 'Mars' is unknown"):
        logical_date(None, "Mars", LATE)
    with pytest.raises(RecipeError, match="write YYYY-MM-DD"):
        logical_date("yesterday")


@pytest.mark.parametrize(
    ("finished", "begun", "catch_up", "due"),
    [
        (set(), set(), 3, ["2026-01-05"]),
        ({"2026-01-04"}, set(), 3, ["2026-01-05"]),
        ({"2026-01-01"}, set(), 3, ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"]),
        ({"2026-01-01", "2026-01-03"}, set(), 3, ["2026-01-02", "2026-01-04", "2026-01-05"]),
        ({"2025-12-01"}, set(), 2, ["2026-01-03", "2026-01-04", "2026-01-05"]),
        ({"2026-01-01"}, set(), 0, ["2026-01-05"]),
        ({"2026-01-04", "2026-01-05"}, set(), 3, ["2026-01-05"]),
        ({"2026-01-09"}, set(), 3, ["2026-01-05"]),
        (set(), {"2026-01-04"}, 3, ["2026-01-04", "2026-01-05"]),
        (set(), {"2026-01-03"}, 3, ["2026-01-03", "2026-01-04", "2026-01-05"]),
        ({"2026-01-03"}, {"2026-01-02", "2026-01-03"}, 3, ["2026-01-02", "2026-01-04", "2026-01-05"]),
        (set(), {"2025-12-01"}, 1, ["2026-01-04", "2026-01-05"]),
    ],
)
def test_nights_that_an_outage_left_out_or_interrupted_come_first(finished, begun, catch_up, due):
    assert due_nights(finished, begun, "2026-01-05", catch_up) == due


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)), st.integers(0, 20), st.integers(0, 9))
def test_every_order_of_late_runs_ends_with_the_same_nights(finished, begun, last, catch_up):
    start = date(2026, 1, 1)
    days, started = ({(start + timedelta(days=n)).isoformat() for n in some} for some in (finished, begun))
    day = (start + timedelta(days=last)).isoformat()
    due = due_nights(days, started, day, catch_up)
    assert due == sorted(due) and due[-1] == day and len(due) <= catch_up + 1
    assert not days & set(due[:-1])
    assert due_nights(days | set(due), started, day, catch_up) == [day], "what was made up for is not due again"


def test_since_names_every_night_and_refuses_the_future():
    assert nights_since("2026-02-27", "2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]
    with pytest.raises(RecipeError, match="comes after --date"):
        nights_since("2026-03-02", "2026-03-01")


def test_a_run_that_is_too_late_is_left_out():
    assert too_late("2026-01-01", 3, "2026-01-05") and not too_late("2026-01-02", 3, "2026-01-05")

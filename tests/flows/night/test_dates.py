"""Logical dates: a run is the night it was scheduled for, and an outage's nights are made up for in order."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.night.dates import due_nights, logical_date, nights_since, scheduled_date, too_late
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


def dates_of(cron: str, timezone: str, start: date, days: int) -> list[str]:
    """The dates of the runs that Prefect would start from a day on."""
    from prefect.server.schemas.schedules import CronSchedule

    async def dates() -> list[str]:
        begin = datetime.combine(start, time(), ZoneInfo(timezone))
        runs = await CronSchedule(cron=cron, timezone=timezone).get_dates(n=days, start=begin)
        return [await scheduled_date(None, timezone, cron, run) for run in runs]

    return asyncio.run(dates())


@pytest.mark.parametrize(
    ("cron", "timezone", "start"),
    [
        ("0 0 * * *", "America/Santiago", date(2027, 9, 2)),
        ("30 0 * * *", "America/Santiago", date(2027, 9, 2)),
        ("0 23 * * *", "America/Santiago", date(2027, 9, 2)),
        ("0 0 * * *", "America/Santiago", date(2027, 4, 1)),
        ("0 0 * * *", "Africa/Cairo", date(2027, 4, 28)),
        ("0 0 * * *", "Africa/Cairo", date(2027, 10, 27)),
        ("0 0 * * *", "Asia/Beirut", date(2027, 3, 26)),
        ("0 0 * * *", "America/Havana", date(2027, 3, 12)),
        ("0 0 * * *", "America/Havana", date(2027, 11, 5)),
        ("30 2 * * *", "Europe/Berlin", date(2027, 3, 26)),
        ("30 2 * * *", "Europe/Berlin", date(2027, 10, 29)),
    ],
)
def test_each_date_has_one_night_also_where_its_hour_does_not_exist_or_comes_twice(cron, timezone, start):
    expected = [(start + timedelta(days=day)).isoformat() for day in range(6)]
    assert dates_of(cron, timezone, start, 6) == expected


def test_a_run_by_hand_before_a_midnight_that_does_not_exist_is_of_the_day_by_the_clock():
    late = datetime(2027, 9, 4, 23, 0, 17, tzinfo=ZoneInfo("America/Santiago"))
    assert asyncio.run(scheduled_date(None, "America/Santiago", "0 0 * * *", late)) == "2027-09-04"
    assert asyncio.run(scheduled_date("2027-01-01", "America/Santiago", "0 0 * * *", late)) == "2027-01-01"


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

"""Logical dates: which night a run is, and which nights are due.

A night's identity is its logical date, never the moment it happens to run. A scheduled run takes it from the time it was
scheduled for, so that a run that is late, or done again, is still the same night.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.errors import RecipeError

_LONGEST_GAP = timedelta(hours=3)
"""Clocks go forward by less than this, and back again months later."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_date(text: str) -> str:
    """Return a logical date as YYYY-MM-DD.

    Raises:
        RecipeError: It is none.
    """
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RecipeError(f"date {text!r}: write YYYY-MM-DD, for example 2026-11-23") from None


def logical_date(given: str | None, timezone: str = "UTC", scheduled: datetime | None = None) -> str:
    """Return the night that a run is, YYYY-MM-DD.

    Args:
        given: What the caller said; it wins.
        timezone: Where the schedule's days begin, for example Europe/Berlin.
        scheduled: When the run was scheduled for; None takes what Prefect says of this run, or now outside one.

    Raises:
        RecipeError: The date or the time zone cannot be used.
    """
    if given is not None:
        return check_date(given)
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise RecipeError(f"timezone {timezone!r} is unknown; write one like UTC or Europe/Berlin") from None
    return (scheduled or _scheduled()).astimezone(zone).date().isoformat()


async def scheduled_date(
    given: str | None, timezone: str = "UTC", cron: str | None = None, scheduled: datetime | None = None
) -> str:
    """Return the night that a run of a schedule is, also where its time does not exist.

    Where clocks go forward at midnight (Santiago, Cairo, Beirut), Prefect starts the run of 00:00 an hour before the day
    begins, at 23:00 of the day before. It is the night of the day that it was meant for: each date has one.

    Args:
        given: As for `logical_date`.
        timezone: As for `logical_date`.
        cron: The schedule; None takes the day by the clock.
        scheduled: As for `logical_date`.

    Raises:
        RecipeError: The date or the time zone cannot be used.
    """
    moment = scheduled or _scheduled()
    day = logical_date(given, timezone, moment)
    if given is not None or cron is None:
        return day
    zone = ZoneInfo(timezone)
    begun, soon = moment.astimezone(zone), (moment + _LONGEST_GAP).astimezone(zone)
    gap = (soon.utcoffset() or timedelta()) - (begun.utcoffset() or timedelta())
    by_the_clock = begun.replace(tzinfo=None)
    meant = by_the_clock + gap
    if gap <= timedelta() or meant.date() == by_the_clock.date() or _exists(meant, zone):
        return day
    if await _is_of(cron, meant) and not await _is_of(cron, by_the_clock):
        return meant.date().isoformat()
    return day


def _exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in a zone show this time at all."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


async def _is_of(cron: str, local: datetime) -> bool:
    """Whether a schedule names this time, zones aside."""
    from prefect.server.schemas.schedules import CronSchedule

    moment = local.replace(tzinfo=UTC)
    return await CronSchedule(cron=cron, timezone="UTC").get_dates(n=1, start=moment) == [moment]


def _scheduled() -> datetime:
    from prefect.runtime import flow_run

    return flow_run.scheduled_start_time or datetime.now(UTC)


def due_nights(finished: Collection[str], begun: Collection[str], day: str, catch_up: int) -> list[str]:
    """Return the nights to run, oldest first: `day`, and before it those that an outage left out or interrupted.

    Only nights from the first one that was begun count, and at most `catch_up` days back.

    Args:
        finished: Logical dates of the recipe's finished nights.
        begun: Those of the nights that were begun, finished or not.
        day: The night that is asked for.
        catch_up: Days to look back.
    """
    last = date.fromisoformat(day)
    earlier = [(last - timedelta(days=back)).isoformat() for back in range(catch_up, 0, -1)]
    first = min((*finished, *begun), default=day)
    return [date_ for date_ in earlier if date_ >= first and date_ not in finished] + [day]


def nights_since(since: str, day: str) -> list[str]:
    """Return every date from `since` to `day`.

    Raises:
        RecipeError: `since` is no date, or comes after `day`.
    """
    first, last = (date.fromisoformat(check_date(text)) for text in (since, day))
    if first > last:
        raise RecipeError(f"--since {since} comes after --date {day}; name an earlier one")
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def too_late(day: str, catch_up: int, today: str) -> bool:
    """Whether a scheduled night is so late that it is left out, by the same rule as `due_nights`."""
    return (date.fromisoformat(today) - date.fromisoformat(day)).days > catch_up

"""Intervals of SQL as people write them."""

from datetime import timedelta
from typing import Any

_MONTHS, _MICROSECONDS = 12, 1_000_000


def interval(value: Any) -> str | None:
    """Return `1 year 2 months 3 days 04:05:06.7` for an interval or a `timedelta`, None for anything else."""
    if isinstance(value, timedelta):
        return _written(0, value.days, value.seconds * _MICROSECONDS + value.microseconds)
    if hasattr(value, "nanoseconds") and hasattr(value, "months"):  # pyarrow.MonthDayNano
        return _written(value.months, value.days, value.nanoseconds // 1000)
    return None


def _written(months: int, days: int, microseconds: int) -> str:
    years, months = divmod(months, _MONTHS) if months >= 0 else (0, months)
    parts = [
        f"{count} {unit}{'' if abs(count) == 1 else 's'}"
        for count, unit in ((years, "year"), (months, "month"), (days, "day"))
        if count
    ]
    if microseconds or not parts:
        sign, rest = ("-" if microseconds < 0 else ""), abs(microseconds)
        seconds, fraction = divmod(rest, _MICROSECONDS)
        clock = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        parts.append(clock + (f".{fraction:06}".rstrip("0") if fraction else ""))
    return " ".join(parts)

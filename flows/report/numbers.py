"""Figures as people read them: thousands apart, three digits where more say nothing, a dash where there is none."""

from datetime import date, datetime

NONE = "–"


def count(value: float | None) -> str:
    """Return a whole number, thousands apart."""
    return NONE if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """Return a share as a percentage; a rest is never rounded away to nothing or everything."""
    if value is None:
        return NONE
    if 0 < value < 0.001:
        return "< 0.1\u00a0%"
    if 0.999 < value < 1:
        return "> 99.9\u00a0%"
    return f"{100 * value:.0f}\u00a0%" if value in (0, 1) else f"{100 * value:.1f}\u00a0%"


def figure(value: float | None) -> str:
    """Return a number of three significant digits."""
    if value is None:
        return NONE
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def money(value: float | None, currency: str = "") -> str:
    """Return a cost; where no currency is known, it says that it is that of the recipe's prices."""
    if value is None:
        return NONE
    text = f"{value:,.2f}" if value >= 0.1 else figure(value)
    return f"{text}\u00a0{currency}" if currency else f"{text} at the recipe's prices"


def share(value: float | None) -> str:
    """Return an accuracy, three decimals without the zero, as tables of accuracies have it."""
    if value is None:
        return NONE
    sign = "\u2212" if value < 0 else ""
    return sign + (f"{abs(value):.3f}".removeprefix("0") if abs(value) < 1 else f"{abs(value):.3f}")


def seconds(value: float | None) -> str:
    """Return a duration."""
    if value is None:
        return NONE
    if value < 60:
        return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def day(text: str) -> str:
    """Return a logical date in words."""
    date_ = date.fromisoformat(text)
    return f"{date_:%A}, {date_.day} {date_:%B} {date_.year}"


def clock(value: datetime | None) -> str:
    """Return a moment in UTC, to the minute."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def reason_text(reason: str | None) -> str:
    """Return a stable reason as words: `answer:wrong_answer` is `answer: wrong answer`."""
    return (reason or "no reason given").replace("_", " ").replace(":", ": ", 1)

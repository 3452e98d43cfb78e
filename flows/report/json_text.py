"""Values as JSON that every parser reads."""

import json
import math
import re
from decimal import Decimal
from typing import Any

from flows.report.intervals import interval
from flows.report.unseen import UNSEEN


def to_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON, which has no NaN and no infinity: they become null, and what else JSON does not know, text.

    Characters that steer a terminal, hide, reorder a line or cannot be written are escaped, which changes no value.
    """
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), indent=indent, ensure_ascii=False, default=_plain)
    return UNSEEN.sub(_escape, text)


def _plain(value: Any) -> Any:
    """Return a decimal (sums of integers are some) as a number, whatever else JSON does not know as text."""
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return interval(value) or str(value)


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

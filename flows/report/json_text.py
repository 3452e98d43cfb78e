"""Values as JSON that every parser reads."""

import json
import math
from typing import Any


def to_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON, which has no NaN and no infinity: they become null, and what else JSON does not know, text."""
    try:
        return json.dumps(value, indent=indent, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

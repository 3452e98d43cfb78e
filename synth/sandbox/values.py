"""Python's plain values as JSON and back: tuples, sets, fractions, long integers and keys that are no text survive it.

This file is also the first part of the program that calls a solution in the sandbox, so it imports nothing of ours.
"""

from typing import Any

_MARK = "$"
"""The one key of an object that stands for a value that JSON does not have."""
_LONG = 1 << 63


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it.

    Raises:
        TypeError: There is a value of another kind in it.
    """
    if value is None or isinstance(value, (bool, str)):
        return value if value is None or type(value) in (bool, str) else str(value)
    if isinstance(value, int):
        return int(value) if -_LONG < value < _LONG else {_MARK: "int", "items": hex(value)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value) and _MARK not in value:
            return {str(key): to_plain(item) for key, item in value.items()}
        return {_MARK: "dict", "items": [[to_plain(key), to_plain(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, tuple):
        return {_MARK: "tuple", "items": [to_plain(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {_MARK: "set", "items": [to_plain(item) for item in sorted(value, key=repr)]}
    if type(value).__name__ == "Fraction":
        return {_MARK: "fraction", "items": [value.numerator, value.denominator]}
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return to_plain(value.tolist())
    raise TypeError(f"a value of type {type(value).__name__}")


def from_plain(value: Any) -> Any:
    """Return the value that `to_plain` made plain.

    Raises:
        ValueError, TypeError, KeyError: It is none that `to_plain` makes.
    """
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {key: from_plain(item) for key, item in value.items()}
    kind, items = value[_MARK], value["items"]
    if kind == "int":
        return int(items, 16)
    items = from_plain(items)
    if kind == "dict":
        return {key: item for key, item in items}
    if kind == "fraction":
        from fractions import Fraction

        above, below = items
        if type(above) is not int or type(below) is not int:  # Fraction reads texts too, and calculates "1e999999999"
            raise ValueError("a fraction has two whole numbers")
        return Fraction(above, below)
    if kind not in ("tuple", "set"):
        raise ValueError(f"there is no kind {kind!r}")
    return tuple(items) if kind == "tuple" else set(items)

"""How much a prompt's template may make, asked before it is made: Python makes a text of gigabytes without looking up.

A value weighs its characters and items, nested ones as often as they would be printed. One expression may make `LARGEST`, a
rendering `MOST` in all. Values that a template is given may be longer; only what it makes of them counts.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

LARGEST = 1 << 20
"""Characters and items that one expression may make."""
MOST = 1 << 25
"""Characters that one rendering may make and write in all; an item of a list counts as `ITEM` of them."""
ITEM = 8
_STARRED, _NESTED = re.compile(r"%(\([^)]*\))?[-+ #0]*(\d*\.)?\*"), re.compile(r"\{[^}]*\{")
_CONTAINERS = (list, tuple, dict, set, frozenset, Namespace)


def weight(value: object) -> int:
    """Return the characters and items in a value; counting ends beyond `LARGEST`."""
    total, waiting = 0, [value]
    while waiting and total <= LARGEST:
        part = waiting.pop()
        if isinstance(part, str | bytes):
            total += len(part)
        elif part is None or isinstance(part, int | float):
            total += 1
        elif isinstance(part, Namespace):
            waiting.append(part._Namespace__attrs)
        elif isinstance(part, dict):
            total += len(part)
            waiting += [*part, *part.values()]
        elif isinstance(part, _CONTAINERS):
            total += len(part)
            waiting += part
        else:
            total += len(repr(part))
    return total


def admit(value: object) -> object:
    """Return a value, unless it is a container whose parts would be seen more than `LARGEST` times.

    Raises:
        SecurityError: It is one.
    """
    if isinstance(value, _CONTAINERS) and weight(value) > LARGEST:
        raise SecurityError(f"a list or mapping holds more than {LARGEST:,} characters and items")
    return value


def refuse(what: str, size: int) -> None:
    """Raise SecurityError when something would become too large.

    Args:
        what: The operation.
        size: Characters and items that it would make.
    """
    if size > LARGEST:
        raise SecurityError(f"{what}: the result would be longer than {LARGEST:,}")


def sum_of(left: object, right: object) -> int:
    """Return what `left + right` weighs; nothing where they are numbers."""
    return weight(left) + weight(right) if isinstance(left, str | bytes | list | tuple) else 0


def product_of(left: object, right: object) -> int:
    """Return what `left * right` weighs; nothing where they are numbers."""
    count, repeated = (left, right) if isinstance(left, int) else (right, left)
    if not isinstance(count, int) or not isinstance(repeated, str | bytes | list | tuple):
        return 0
    return weight(repeated) * max(count, 0)


def formatted(form: str, values: object) -> int:
    """Return at most what a text weighs whose fields (`%` or braces) are filled with values."""
    braces = form.replace("{{", "").replace("}}", "")
    if _STARRED.search(form) or _NESTED.search(braces):
        raise SecurityError("format: a width that is a value is refused")
    widths = sum(int(digits[:9]) for digits in re.findall(r"\d+", form))
    return len(form) + widths + (form.count("%") + form.count("{")) * weight(values)


def _width(value: Any, *options: Any, **named: Any) -> int:
    return max((option for option in (*options, *named.values()) if isinstance(option, int)), default=0) + _length(
        value
    )


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 1


def _replaced(value: Any, old: Any = "", new: Any = "", *_: Any, **__: Any) -> int:
    if not isinstance(value, str | bytes) or not isinstance(old, type(value)):
        value, old, new = str(value), str(old), str(new)
    return (value.count(old) if old else len(value) + 1) * len(new)


def _joined(separator: Any, values: Any) -> int:
    return weight(values) + _length(separator) * _length(values)


def _joined_by(values: Any, d: Any = "", *_: Any, **__: Any) -> int:
    return _joined(d, values)


def _filled(form: Any, *values: Any, **named: Any) -> int:
    return formatted(str(form), (values, named))


def _indented(value: Any, width: Any = 4, *_: Any, **__: Any) -> int:
    lines = str(value).count("\n") + 1
    return lines * (width if isinstance(width, int) else len(str(width)))


def _wrapped(
    value: Any, width: Any = 79, break_long_words: Any = True, wrapstring: Any = None, *_: Any, **__: Any
) -> int:
    return max(_length(value) * _length(wrapstring) if wrapstring else 0, width if isinstance(width, int) else 0)


def _power_of_ten(value: Any, precision: Any = 0, *_: Any, **__: Any) -> int:
    return abs(precision) * 1000 if isinstance(precision, int) else 0


def _added_up(value: Any, attribute: Any = None, start: Any = 0, *_: Any, **__: Any) -> int:
    return 0 if isinstance(start, int | float) else _length(value) * weight(value)


def _as_json(value: Any, indent: Any = 0, *_: Any, **__: Any) -> int:
    return indent * 1000 if isinstance(indent, int) else 0


def _untabbed(text: Any, tabsize: Any = 8) -> int:
    return int(text.count("\t" if isinstance(text, str) else b"\t") * tabsize)


def _translated(text: Any, table: Any) -> int:
    return _length(text) * weight(table)


Size = Callable[..., int]
FILTERS: Mapping[str, Size] = {
    "batch": _width, "center": _width, "format": _filled, "indent": _indented, "join": _joined_by, "replace": _replaced,
    "round": _power_of_ten, "slice": _width, "sum": _added_up, "tojson": _as_json, "wordwrap": _wrapped,
}  # fmt: skip
"""What a filter would make of a value and its options, by its name."""
METHODS: Mapping[str, Size] = {
    "center": _width, "expandtabs": _untabbed, "format": _filled, "format_map": formatted, "join": _joined, "ljust": _width,
    "replace": _replaced, "rjust": _width, "to_bytes": _width, "translate": _translated, "zfill": _width,
}  # fmt: skip
"""The same of methods of texts and numbers."""


class Allowance:
    """What a rendering may still make."""

    def __init__(self) -> None:
        self._left: int | None = None

    def begin(self) -> None:
        """Give a rendering all of it."""
        self._left = MOST

    def end(self) -> None:
        """Stop counting."""
        self._left = None

    def charge(self, value: Any) -> Any:
        """Count what was made, and return it.

        Raises:
            SecurityError: The rendering has made too much.
        """
        if isinstance(value, str | bytes):
            self.take(len(value))
        elif isinstance(value, list | tuple | dict):
            self.take(len(value) * ITEM)
        return value

    def take(self, size: int) -> None:
        """Count so many characters and items.

        Raises:
            SecurityError: The rendering has made too much.
        """
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise SecurityError(f"it makes more than {MOST:,} characters and items")

    def concat(self, parts: Iterable[str]) -> str:
        """Join what a template writes."""
        pieces = []
        for piece in parts:
            self.take(len(piece))
            pieces.append(piece)
        return "".join(pieces)

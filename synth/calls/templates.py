"""The templates of prompts: Jinja2, sandboxed, undefined names are errors, and no template runs or grows without end.

Loops and macros look at the clock in each round. Powers, repetitions, widths and ranges that would take minutes or gigabytes are
refused before they are computed: Python computes one of them without looking up, Ctrl-C included.
"""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from jinja2 import DictLoader, StrictUndefined, TemplateRuntimeError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LIMIT_S = 5.0
"""Seconds that one rendering may take; a usual one takes some microseconds."""
LARGEST = 1 << 20
"""Characters or items that one expression may make of less."""
LARGEST_BITS = 1 << 16
"""Bits of the largest number."""
_CLOCK = "_look_at_the_clock"
_GROWING_FILTERS = ("center", "indent", "wordwrap", "slice", "batch", "format", "xmlattr", "tojson", "pprint")
_GROWING_METHODS = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "replace"})

_until: float | None = None


def _look_at_the_clock() -> None:
    if _until is not None and time.monotonic() > _until:
        raise TemplateRuntimeError(f"it takes longer than {LIMIT_S:g} s; does a loop of it end?")


@contextmanager
def limited() -> Iterator[None]:
    """Give a rendering its time. Renderings of one process follow one another, so one clock serves all."""
    global _until
    _until = time.monotonic() + LIMIT_S
    try:
        yield
    finally:
        _until = None


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 1


class Environment(ImmutableSandboxedEnvironment):
    """The sandbox in which prompts are rendered."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"**", "*", "%"})  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__(loader=DictLoader({}), undefined=StrictUndefined)
        self.globals[_CLOCK] = _look_at_the_clock
        self.globals.pop("lipsum", None)
        for name in _GROWING_FILTERS:
            self.filters[name] = _bounded(self.filters[name])

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for node in template.find_all((nodes.For, nodes.Macro, nodes.CallBlock)):
            look = nodes.Call(nodes.Name(_CLOCK, "load"), [], [], None, None)
            node.body.insert(0, nodes.ExprStmt(look, lineno=node.lineno))  # type: ignore[attr-defined]
        return template

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right`, unless the result would be too large."""
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if right > 0 and left.bit_length() * right > LARGEST_BITS:
                raise SecurityError(f"{operator}: the number would have more than {LARGEST_BITS:,} bits")
        elif operator == "*" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() + right.bit_length() > LARGEST_BITS:
                raise SecurityError(f"{operator}: the number would have more than {LARGEST_BITS:,} bits")
        elif operator == "*":
            count = left if isinstance(left, int) else right if isinstance(right, int) else 1
            if _size(left) * _size(right) * max(count, 1) > LARGEST:
                raise SecurityError(f"{operator}: the result would be longer than {LARGEST:,}")
        elif operator == "%" and isinstance(left, str):
            _refuse_widths(left)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as the sandbox has it
        """Call an object, unless it is told to make something too large."""
        name = getattr(__obj, "__name__", "")
        if name in _GROWING_METHODS:
            owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)  # the sandbox wraps `format`
            _refuse_growth(name, (*args, *kwargs.values()), owner)
        return super().call(__context, __obj, *args, **kwargs)


def _refuse_growth(name: str, values: tuple[Any, ...], owner: Any) -> None:
    if any(isinstance(value, int) and value > LARGEST for value in values):
        raise SecurityError(f"{name}: a width above {LARGEST:,} is refused")
    if name in ("format", "format_map") and isinstance(owner, str):
        _refuse_widths(owner)
    texts = [value for value in values if isinstance(value, str)]
    if name == "replace" and isinstance(owner, str) and len(texts) > 1:
        count = owner.count(texts[0]) if texts[0] else len(owner) + 1
        if count * len(texts[1]) > LARGEST:
            raise SecurityError(f"replace: the result would be longer than {LARGEST:,}")


def _refuse_widths(form: str) -> None:
    """Refuse a format that asks for more digits than a number of six digits says."""
    digits = "".join(letter if letter.isdigit() else " " for letter in form).split()
    if any(int(run[:9]) > LARGEST for run in digits) or "*" in form:
        raise SecurityError(f"format: a width above {LARGEST:,} is refused")


def _bounded(function: Any) -> Any:
    """A filter that refuses to be told a width beyond the limit."""

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        values = (*args, *kwargs.values())
        if any(isinstance(value, int) and value > LARGEST for value in values):
            raise SecurityError(f"a width above {LARGEST:,} is refused")
        for value in values:
            if isinstance(value, str) and function.__name__ == "do_format":
                _refuse_widths(value)
        return function(*args, **kwargs)

    return filtered

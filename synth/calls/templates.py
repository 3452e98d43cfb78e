"""The templates of prompts: Jinja2, sandboxed, undefined names are errors, and no template runs or grows without end.

Loops, macros and filters look at the clock. What would take minutes or gigabytes is refused before it is computed
(`synth.calls.growth`): Python computes one expression without looking up, Ctrl-C included.
"""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from jinja2 import DictLoader, StrictUndefined, TemplateRuntimeError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from synth.calls.growth import FILTERS, METHODS, Allowance, Size, admit, formatted, product_of, refuse, sum_of, weight

LIMIT_S = 5.0
"""Seconds that one rendering may take; a usual one takes some microseconds."""
LARGEST_BITS = 1 << 16
"""Bits of the largest number."""
_CLOCK, _MADE, _JOINED = "_look_at_the_clock", "_made", "_joined"
_LEFT_OUT = ("urlize", "xmlattr", "pprint", "random")
"""Filters that no prompt needs: of web pages, or such that the same question is not found again."""

_until: float | None = None
_allowance = Allowance()


def _look_at_the_clock() -> None:
    if _until is not None and time.monotonic() > _until:
        raise TemplateRuntimeError(f"it takes longer than {LIMIT_S:g} s; does a loop of it end?")


@contextmanager
def limited() -> Iterator[None]:
    """Give a rendering its time and its room. Renderings of one process follow one another, so one of each serves all."""
    global _until
    _until = time.monotonic() + LIMIT_S
    _allowance.begin()
    try:
        yield
    finally:
        _until = None
        _allowance.end()


def _joined(*parts: object) -> str:
    refuse("~", sum(weight(part) for part in parts))
    return "".join(map(str, parts))


def _made(value: object) -> object:
    """Return a list or mapping that a template wrote down; whoever calls it has looked at it."""
    return value


class _Watched(NodeTransformer):
    """Puts a look at the clock into each loop and macro, and has what is joined or listed pass through a call."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as Jinja names it
        return self._looking(node)

    visit_Macro = visit_CallBlock = visit_For  # noqa: N815

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return nodes.Call(nodes.Name(_JOINED, "load"), node.nodes, [], None, None, lineno=node.lineno)

    def visit_List(self, node: nodes.Expr) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if getattr(node, "ctx", "load") != "load":  # the names of a loop or an assignment
            return node
        return nodes.Call(nodes.Name(_MADE, "load"), [node], [], None, None, lineno=node.lineno)

    visit_Tuple = visit_Dict = visit_List  # noqa: N815

    def _looking(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        look = nodes.Call(nodes.Name(_CLOCK, "load"), [], [], None, None)
        node.body.insert(0, nodes.ExprStmt(look, lineno=node.lineno))
        return node  # type: ignore[no-any-return]


class Environment(ImmutableSandboxedEnvironment):
    """The sandbox in which prompts are rendered."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"**", "*", "%", "+"})  # type: ignore[misc]
    concat = staticmethod(_allowance.concat)

    def __init__(self) -> None:
        super().__init__(loader=DictLoader({}), undefined=StrictUndefined, finalize=admit)
        self.globals.pop("lipsum", None)
        self.globals |= {_CLOCK: _look_at_the_clock, _MADE: _made, _JOINED: _joined}
        for name in _LEFT_OUT:
            self.filters.pop(name)
        for name, function in self.filters.items():
            self.filters[name] = _bounded(name, function, FILTERS.get(name))
        for name, function in self.tests.items():
            self.tests[name] = _bounded(name, function, None)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = _Watched().visit(super()._parse(source, name, filename))
        template.set_environment(self)
        return template  # type: ignore[no-any-return]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right`, unless the result would be too large."""
        if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > LARGEST_BITS:
                raise SecurityError(f"{operator}: the number would have more than {LARGEST_BITS:,} bits")
        elif operator == "*":
            refuse(operator, product_of(left, right))
        elif operator == "+":
            refuse(operator, sum_of(left, right))
        elif operator == "%" and isinstance(left, str):
            refuse(operator, formatted(left, right))
        return _allowance.charge(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as the sandbox has it
        """Call an object, unless it would make something too large."""
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)  # the sandbox wraps `format`
        for value in (owner, *args, *kwargs.values()):
            admit(value)
        name = getattr(__obj, "__name__", "")
        if name in METHODS and isinstance(owner, str | bytes | int):
            args = tuple(_counted(value) for value in args)
            refuse(name, METHODS[name](owner, *args, **kwargs))
        return _allowance.charge(super().call(__context, __obj, *args, **kwargs))


def _counted(value: Any) -> Any:
    """A generator as a list, which has a length."""
    return list(value) if hasattr(value, "__next__") else value


def _bounded(name: str, function: Any, size: Size | None) -> Any:
    """A filter or a test that looks at the clock, and refuses to make too much."""
    passed = int(hasattr(function, "jinja_pass_arg"))

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        _look_at_the_clock()
        values = [admit(value) for value in args[passed:]]
        for value in kwargs.values():
            admit(value)
        if size is not None:
            values[:1] = [_counted(value) for value in values[:1]]
            refuse(name, size(*values, **kwargs))
        return _allowance.charge(function(*args[:passed], *values, **kwargs))

    return filtered

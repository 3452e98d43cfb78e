"""Unit tests of a problem as calls and expected values, so that the values never enter the sandbox.

A test is an object, `{"args": [2, 3], "expected": 5}` with `kwargs` and `tolerance` if need be, or an assertion as MBPP writes
them: `assert add(2, 3) == 5`, whose arguments and value are literals.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from synth.sandbox.values import from_plain, to_plain

MOST_TESTS = 200
_KEYS = frozenset({"args", "kwargs", "expected", "tolerance"})


class UnreadTestError(ValueError):
    """A test is not a call with an expected value; the message says what is wrong with it."""


@dataclass(frozen=True)
class UnitTest:
    """One call.

    Attributes:
        args: Arguments by position.
        kwargs: Arguments by name.
        expected: What it returns.
        tolerance: How far a number may be from the expected one; 0 compares exactly.
        truth: Whether the value is only to be true or false, as `expected` is.
        json: Whether the test was written in JSON, which knows no tuples: then a tuple equals a list.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    expected: Any
    tolerance: float = 0.0
    truth: bool = False
    json: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "args": to_plain(list(self.args)),
            "kwargs": to_plain(dict(self.kwargs)),
            "expected": to_plain(self.expected),
            "tolerance": self.tolerance,
            "truth": self.truth,
            "json": self.json,
        }

    @staticmethod
    def from_json(row: Mapping[str, Any]) -> "UnitTest":
        """Return what `to_json` made plain."""
        values = {key: from_plain(row[key]) for key in ("args", "kwargs", "expected")}
        return UnitTest(
            tuple(values["args"]), values["kwargs"], values["expected"], row["tolerance"], row["truth"], row["json"]
        )

    def passes(self, value: Any) -> bool:
        """Whether a plain value that a call returned is the expected one."""
        if self.truth:
            return bool(value) is bool(self.expected)
        return _equal(self.expected, value, self.tolerance, self.json)


def read_tests(written: Any, entry_point: str) -> tuple[UnitTest, ...]:
    """Read the tests of a row.

    Raises:
        UnreadTestError: There are none, too many, or one that is no call with an expected value.
    """
    if isinstance(written, str):
        written = [line for line in written.splitlines() if line.strip()]
    if not isinstance(written, Sequence) or not written:
        raise UnreadTestError("there are no tests; give a list of assertions or of {args, expected}")
    if len(written) > MOST_TESTS:
        raise UnreadTestError(f"there are {len(written)} tests; at most {MOST_TESTS} are run")
    return tuple(_read(one, entry_point, number) for number, one in enumerate(written, start=1))


def _read(test: Any, entry_point: str, number: int) -> UnitTest:
    if isinstance(test, Mapping):
        if "args" not in test or "expected" not in test or not isinstance(test["args"], list) or set(test) - _KEYS:
            raise UnreadTestError(
                f"test {number}: write {{args: [...], expected: ...}}, with kwargs and tolerance if need be"
            )
        return UnitTest(
            tuple(_floats(test["args"])),
            _floats(dict(test.get("kwargs") or {})),
            _floats(test["expected"]),
            float(test.get("tolerance") or 0),
            json=True,
        )
    try:
        return _assertion(str(test), entry_point)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise UnreadTestError(
            f"test {number}: {str(test)[:80]!r} is not read ({error}); write `assert {entry_point}(literals) == literal`, or "
            "{args: [...], expected: ...}"
        ) from None


def _assertion(text: str, entry_point: str) -> UnitTest:
    [statement] = ast.parse(text.strip()).body
    if not isinstance(statement, ast.Assert):
        raise ValueError("no assertion")
    tree = statement.test
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        operator, right = tree.ops[0], tree.comparators[0]
        if isinstance(operator, ast.Eq | ast.Is):
            return _call(tree.left, entry_point, ast.literal_eval(right))
        if isinstance(operator, ast.Lt | ast.LtE) and _is_call(tree.left, "abs"):
            difference = tree.left.args[0]  # type: ignore[attr-defined]
            if isinstance(difference, ast.BinOp) and isinstance(difference.op, ast.Sub):
                expected = ast.literal_eval(difference.right)
                return _call(difference.left, entry_point, expected, tolerance=float(ast.literal_eval(right)))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return _call(tree.operand, entry_point, False, truth=True)
    return _call(tree, entry_point, True, truth=True)


def _is_call(tree: ast.expr, name: str) -> bool:
    return isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == name


def _call(tree: ast.expr, entry_point: str, expected: Any, *, tolerance: float = 0.0, truth: bool = False) -> UnitTest:
    if not isinstance(tree, ast.Call) or not _is_call(tree, entry_point):
        raise ValueError(f"no call of {entry_point}")
    args = tuple(ast.literal_eval(argument) for argument in tree.args)
    kwargs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in tree.keywords if keyword.arg}
    to_plain([list(args), kwargs, expected])
    return UnitTest(args, kwargs, expected, tolerance, truth)


def _floats(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return {key: _floats(item) for key, item in value.items()} if isinstance(value, dict) else value


def _equal(expected: Any, value: Any, tolerance: float, json: bool) -> bool:
    """Equality as Python has it, of plain values; with a tolerance for numbers, and tuples as lists where JSON was written."""
    if json and isinstance(value, tuple) and isinstance(expected, list):
        value = list(value)
    if isinstance(expected, int | float) and isinstance(value, int | float):
        return bool(abs(expected - value) <= tolerance) if tolerance else expected == value
    if type(expected) is not type(value):
        return False
    if isinstance(expected, list | tuple):
        pairs = zip(expected, value, strict=False)
        return len(expected) == len(value) and all(_equal(one, other, tolerance, json) for one, other in pairs)
    if isinstance(expected, dict):
        return expected.keys() == value.keys() and all(
            _equal(expected[key], value[key], tolerance, json) for key in expected
        )
    return bool(expected == value)

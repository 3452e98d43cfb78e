"""Whether two expressions are equal: exactly over fractions where possible, else by values to many digits.

Numbers are compared as exact fractions. Rational functions are compared exactly at fixed points, with pi as one more
variable. What has roots, exponentials or trigonometric functions is evaluated at several points with more digits than its
numbers have: values that differ clearly everywhere are different, values that agree everywhere to all digits are equal.
Whatever cannot be evaluated everywhere stays undecided.
"""

import cmath
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from synth.answers.expression import Tree

_MAX_POWER = 400
_MAX_BITS = 6_000
_MAX_FACTORIAL = 150
_PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
_DIGITS = 50


class _NotExactError(Exception):
    """The value is no fraction, or one beyond the limits."""


def equal(left: Tree, right: Tree) -> bool | None:
    """Return whether two expressions are equal; None when that cannot be decided."""
    if left == right:
        return True
    if has(left, "c", "inf") or has(right, "c", "inf"):
        return _infinite(left, right)
    names = sorted(symbols(left) | symbols(right))
    if len(names) > len(_PRIMES):
        return None
    decided = _exactly(left, right, names)
    if decided is not None:
        return decided
    return _numerically(left, right, names)


def ratio(left: Tree, right: Tree) -> Fraction | None:
    """Return how many times `right` is `left` at one point; None when that is no fraction."""
    names = sorted(symbols(left) | symbols(right))[: len(_PRIMES)]
    point = {name: Fraction(_PRIMES[index] + 2, 5 + index) for index, name in enumerate(names)}
    try:
        return _exact(left, point) / _exact(right, point)
    except (_NotExactError, ZeroDivisionError, KeyError):
        return None


def _infinite(left: Tree, right: Tree) -> bool | None:
    """Infinity is equal to nothing else, and what is computed with it is not compared."""
    plain: tuple[Tree, ...] = (("c", "inf"), ("neg", ("c", "inf")))
    for one, other in ((left, right), (right, left)):
        if one in plain and (other in plain or not has(other, "c", "inf")):
            return False
    return None


def symbols(tree: Tree) -> set[str]:
    """Return the names of an expression's variables."""
    return {node[1] for node in walk(tree) if node[0] == "s"}


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield every node."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from walk(part)


def has(tree: Tree, kind: str, name: str | None = None) -> bool:
    """Whether a node of that kind (and name) occurs."""
    return any(node[0] == kind and (name is None or node[1] == name) for node in walk(tree))


def constant(tree: Tree) -> Fraction | None:
    """Return the exact value of an expression without variables; None when it is no fraction."""
    if tree[0] == "n":
        value: Fraction = tree[1]
        return value
    try:
        return _exact(tree, {})
    except (_NotExactError, ZeroDivisionError, KeyError):
        return None


def approximation(tree: Tree) -> complex | None:
    """Return the value of an expression without variables as a float; None when it has none."""
    return _float(tree, {}, math.e)


def _exactly(left: Tree, right: Tree, names: list[str]) -> bool | None:
    """Compare over fractions; None when one of them is no rational function of its variables and pi."""
    outcomes = []
    pi = has(left, "c", "pi") or has(right, "c", "pi")
    branching = any(node[0] == "f" and node[1] != "factorial" for tree in (left, right) for node in walk(tree))
    if pi and branching:
        return None
    for shift in range(4 if names or pi else 1):
        sign = -1 if shift == 3 else 1
        point = {
            name: sign * Fraction(_PRIMES[(index + shift) % 12] + 2 * shift, 3 + index + 2 * shift)
            for index, name in enumerate(names)
        }
        point["\\pi"] = Fraction(355 + 7 * shift, 113 + shift)
        try:
            outcomes.append(_exact(left, point) == _exact(right, point))
        except ZeroDivisionError:
            return None
        except _NotExactError:
            return None
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return None if branching else False


def _exact(tree: Tree, point: Mapping[str, Fraction]) -> Fraction:
    kind = tree[0]
    if kind == "n":
        value: Fraction = tree[1]
        return value
    if kind == "s":
        return point[tree[1]]
    if kind == "c":
        if tree[1] == "pi" and "\\pi" in point:
            return point["\\pi"]
        raise _NotExactError
    if kind == "neg":
        return -_exact(tree[1], point)
    if kind == "f":
        return _exact_function(tree[1], [_exact(argument, point) for argument in tree[2:]])
    if kind == "pm":
        raise _NotExactError
    left = _exact(tree[1], point)
    right = _exact(tree[2], point)
    if kind == "add":
        return _bounded(left + right)
    if kind == "mul":
        return _bounded(left * right)
    if kind == "div":
        return _bounded(left / right)
    return _exact_power(left, right)


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _MAX_BITS or value.denominator.bit_length() > _MAX_BITS:
        raise _NotExactError
    return value


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        size = abs(exponent.numerator)
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if base not in (0, 1, -1) and (size > _MAX_POWER or size * bits > _MAX_BITS):
            raise _NotExactError
        if base == 0 and exponent == 0:
            raise _NotExactError
        return Fraction(base**exponent.numerator) if base not in (1, -1) else (base if size % 2 else Fraction(1))
    if base < 0 or exponent.denominator > 6:
        raise _NotExactError
    top, bottom = _whole_root(base.numerator, exponent.denominator), _whole_root(base.denominator, exponent.denominator)
    if top is None or bottom is None:
        raise _NotExactError
    return _exact_power(Fraction(top, bottom), Fraction(exponent.numerator))


def _whole_root(value: int, index: int) -> int | None:
    if index != 2 and value.bit_length() >= 200:
        return None
    root = math.isqrt(value) if index == 2 else round(value ** (1 / index))
    return root if root**index == value else None


def _exact_function(name: str, arguments: list[Fraction]) -> Fraction:
    first = arguments[0]
    if name == "sqrt":
        return _exact_power(first, Fraction(1, 2))
    if name == "abs":
        return abs(first)
    if name == "floor":
        return Fraction(math.floor(first))
    if name == "ceil":
        return Fraction(math.ceil(first))
    if name == "factorial" and first.denominator == 1 and 0 <= first <= _MAX_FACTORIAL:
        return Fraction(math.factorial(first.numerator))
    if name in ("max", "min"):
        return max(arguments) if name == "max" else min(arguments)
    whole = [argument.numerator for argument in arguments if argument.denominator == 1 and abs(argument) <= 10**30]
    if len(whole) == len(arguments):
        if name in ("gcd", "lcm"):
            return Fraction(math.gcd(*whole) if name == "gcd" else math.lcm(*whole))
        if name == "binom" and 0 <= whole[1] <= whole[0] <= 300:
            return Fraction(math.comb(whole[0], whole[1]))
    raise _NotExactError


_FLOATS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos,
    "arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "exp": cmath.exp, "ln": cmath.log,
    "sqrt": cmath.sqrt, "abs": abs, "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x), "lg": lambda x: cmath.log(x) / math.log(10), "deg": lambda x: x * math.pi / 180,
}  # fmt: skip
_CONSTANTS = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j}


def _float(tree: Tree, point: Mapping[str, Fraction], log_base: float) -> complex | None:
    try:
        value = _complex(tree, point, log_base)
    except (ArithmeticError, ValueError, KeyError, TypeError, _NotExactError):
        return None
    return value if cmath.isfinite(value) else None


def _complex(tree: Tree, point: Mapping[str, Fraction], log_base: float) -> complex:
    kind = tree[0]
    if kind == "n":
        return complex(float(tree[1]))
    if kind == "s":
        return complex(float(point[tree[1]]))
    if kind == "c":
        return _CONSTANTS[tree[1]]
    if kind == "neg":
        return -_complex(tree[1], point, log_base)
    if kind == "f":
        arguments = [_complex(argument, point, log_base) for argument in tree[2:]]
        if tree[1] == "log":
            return cmath.log(arguments[0]) / math.log(log_base)
        if tree[1] in _FLOATS and len(arguments) == 1:
            return complex(_FLOATS[tree[1]](arguments[0]))
        exact = [Fraction(argument.real).limit_denominator(10**6) for argument in arguments]
        return complex(float(_exact_function(tree[1], exact)))
    if kind == "pm":
        raise ValueError
    left, right = _complex(tree[1], point, log_base), _complex(tree[2], point, log_base)
    if kind == "add":
        return left + right
    if kind == "mul":
        return left * right
    if kind == "div":
        return left / right
    return left**right


def _points(names: list[str]) -> list[tuple[dict[str, Fraction], float]]:
    """Points at which expressions are compared, with the base of a logarithm without one."""
    first = {name: Fraction(_PRIMES[index], 3) for index, name in enumerate(names)}
    second = {name: Fraction(_PRIMES[-1 - index], 29 + index) for index, name in enumerate(names)}
    third = {name: Fraction(5 + 3 * index, _PRIMES[index] + 1) for index, name in enumerate(names)}
    negative = {name: -Fraction(_PRIMES[(index + 3) % 12], 5 + index) for index, name in enumerate(names)}
    points = [(first, math.e), (second, 10.0), (third, math.e), (negative, 10.0)]
    return points if names else points[:2]


def _numerically(left: Tree, right: Tree, names: list[str]) -> bool | None:
    points = _points(names)
    verdicts: list[bool | None] = []
    for point, base in points:
        one, other = _float(left, point, base), _float(right, point, base)
        if one is None or other is None:
            verdicts.append(None)
        else:
            verdicts.append(abs(one - other) <= 1e-7 * max(1e-12, abs(one), abs(other)))
    if all(verdict is False for verdict in verdicts):
        return False
    if any(verdict is False for verdict in verdicts):
        return None
    return _to_many_digits(left, right, points)


def _to_many_digits(left: Tree, right: Tree, points: list[tuple[dict[str, Fraction], float]]) -> bool | None:
    import mpmath  # type: ignore[import-untyped]

    digits = _DIGITS + sum(len(str(node[1])) for tree in (left, right) for node in walk(tree) if node[0] == "n")
    seen: list[bool] = []
    with mpmath.workdps(min(digits, 1_000)):
        bound = mpmath.mpf(10) ** (-digits + 15)
        for point, base in points:
            try:
                one, other = _multi(left, point, base, mpmath), _multi(right, point, base, mpmath)
            except (ArithmeticError, ValueError, KeyError, TypeError, _NotExactError):
                continue
            if not (mpmath.isfinite(one) and mpmath.isfinite(other)):
                continue
            seen.append(bool(abs(one - other) <= bound * max(mpmath.mpf(10) ** -20, abs(one), abs(other))))
    if not seen or len(seen) < min(2, len(points)):
        return None
    return all(seen) or None


def _multi(tree: Tree, point: Mapping[str, Fraction], base: float, mp: Any) -> Any:
    """Evaluate with the digits of the context."""
    kind = tree[0]
    if kind in ("n", "s"):
        value = tree[1] if kind == "n" else point[tree[1]]
        return mp.mpf(value.numerator) / value.denominator
    if kind == "c":
        return {"pi": +mp.pi, "e": +mp.e, "i": mp.mpc(0, 1)}[tree[1]]
    if kind == "neg":
        return -_multi(tree[1], point, base, mp)
    if kind == "f":
        return _multi_function(tree[1], [_multi(argument, point, base, mp) for argument in tree[2:]], base, mp)
    left, right = _multi(tree[1], point, base, mp), _multi(tree[2], point, base, mp)
    if kind == "add":
        return left + right
    if kind == "mul":
        return left * right
    if kind == "div":
        return left / right
    if kind == "pow":
        if abs(right) > 10_000 or (left and abs(mp.log(abs(left)) * right) > 10_000):
            raise ValueError
        return mp.power(left, right)
    raise ValueError


def _multi_function(name: str, arguments: list[Any], base: float, mp: Any) -> Any:
    first = arguments[0]
    if name in ("exp", "sinh", "cosh", "tanh") and abs(first) > 10_000:
        raise ValueError
    names = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs"}
    if name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "exp", "sqrt", "ln", *names):
        return getattr(mp, names.get(name, name))(first)
    if name == "log":
        return mp.log(first) / (1 if base == math.e else mp.log(10))
    if name == "lg":
        return mp.log(first) / mp.log(10)
    if name == "deg":
        return first * mp.pi / 180
    raise ValueError

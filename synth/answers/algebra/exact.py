"""Values of expressions as exact fractions, inside limits on their size."""

import math
from collections.abc import Mapping
from fractions import Fraction

from synth.answers.algebra.tokens import Tree

_MAX_POWER = 400
_MAX_BITS = 6_000
_MAX_FACTORIAL = 150


class NotExactError(Exception):
    """The value is no fraction, or one beyond the limits."""


def constant(tree: Tree) -> Fraction | None:
    """Return the exact value of an expression without variables; None when it is no fraction."""
    if tree[0] == "n":
        value: Fraction = tree[1]
        return value
    try:
        return exact_value(tree, {})
    except (NotExactError, ZeroDivisionError, KeyError):
        return None


def exact_value(tree: Tree, point: Mapping[str, Fraction]) -> Fraction:
    """Return the value at a point.

    Raises:
        NotExactError: It is no fraction, or one beyond the limits.
        ZeroDivisionError: Something is divided by zero.
        KeyError: A variable has no value there.
    """
    kind = tree[0]
    if kind == "n":
        value: Fraction = tree[1]
        return value
    if kind == "s":
        return point[tree[1]]
    if kind == "c":
        if tree[1] == "pi" and "\\pi" in point:
            return point["\\pi"]
        raise NotExactError
    if kind == "neg":
        return -exact_value(tree[1], point)
    if kind == "f":
        return exact_function(tree[1], [exact_value(argument, point) for argument in tree[2:]])
    if kind == "pm":
        raise NotExactError
    left = exact_value(tree[1], point)
    right = exact_value(tree[2], point)
    if kind == "add":
        return _bounded(left + right)
    if kind == "mul":
        return _bounded(left * right)
    if kind == "div":
        return _bounded(left / right)
    return _exact_power(left, right)


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _MAX_BITS or value.denominator.bit_length() > _MAX_BITS:
        raise NotExactError
    return value


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        size = abs(exponent.numerator)
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if base not in (0, 1, -1) and (size > _MAX_POWER or size * bits > _MAX_BITS):
            raise NotExactError
        if base == 0 and exponent == 0:
            raise NotExactError
        return Fraction(base**exponent.numerator) if base not in (1, -1) else (base if size % 2 else Fraction(1))
    if base < 0 or exponent.denominator > 6:
        raise NotExactError
    top, bottom = _whole_root(base.numerator, exponent.denominator), _whole_root(base.denominator, exponent.denominator)
    if top is None or bottom is None:
        raise NotExactError
    return _exact_power(Fraction(top, bottom), Fraction(exponent.numerator))


def _whole_root(value: int, index: int) -> int | None:
    if index != 2 and value.bit_length() >= 200:
        return None
    root = math.isqrt(value) if index == 2 else round(value ** (1 / index))
    return root if root**index == value else None


def exact_function(name: str, arguments: list[Fraction]) -> Fraction:
    """Return the value of a function; raises `NotExactError` where it is no fraction."""
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
    raise NotExactError

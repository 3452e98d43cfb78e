"""Whether two expressions are equal: exactly over fractions where possible, else by values to many digits.

Numbers are compared as exact fractions. Rational functions are compared exactly at fixed points, with pi as one more
variable. What has roots, exponentials or trigonometric functions is evaluated at several points with more digits than its
numbers have: values that differ clearly everywhere are different, values that agree everywhere to all digits are equal.
Whatever cannot be evaluated everywhere stays undecided.
"""

import math
from fractions import Fraction

from synth.answers.algebra.exact import NotExactError, exact_value
from synth.answers.algebra.numeric import float_value, precise_value
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import has, symbols, walk

_PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
_DIGITS = 50
_CLEAR_DIGITS = 25  # a difference in these is one


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
        return exact_value(left, point) / exact_value(right, point)
    except (NotExactError, ZeroDivisionError, KeyError):
        return None


def _infinite(left: Tree, right: Tree) -> bool | None:
    """Infinity is equal to nothing else, and what is computed with it is not compared."""
    plain: tuple[Tree, ...] = (("c", "inf"), ("neg", ("c", "inf")))
    for first, second in ((left, right), (right, left)):
        if first in plain and (second in plain or not has(second, "c", "inf")):
            return False
    return None


def approximation(tree: Tree) -> complex | None:
    """Return the value of an expression without variables as a float; None when it has none."""
    return float_value(tree, {}, math.e)


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
            outcomes.append(exact_value(left, point) == exact_value(right, point))
        except ZeroDivisionError:
            return None
        except NotExactError:
            return None
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return None if branching else False


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
        left_value, right_value = float_value(left, point, base), float_value(right, point, base)
        if left_value is None or right_value is None:
            verdicts.append(None)
        else:
            verdicts.append(abs(left_value - right_value) <= 1e-7 * max(1e-12, abs(left_value), abs(right_value)))
    if all(verdict is False for verdict in verdicts):
        return False
    if any(verdict is False for verdict in verdicts):
        return None
    return _to_many_digits(left, right, points)


def _to_many_digits(left: Tree, right: Tree, points: list[tuple[dict[str, Fraction], float]]) -> bool | None:
    import mpmath  # type: ignore[import-untyped]

    digits = _DIGITS + sum(len(str(node[1])) for tree in (left, right) for node in walk(tree) if node[0] == "n")
    distances = []
    with mpmath.workdps(min(digits, 1_000)):
        bound, clear = mpmath.mpf(10) ** (-digits + 15), mpmath.mpf(10) ** -_CLEAR_DIGITS
        for point, base in points:
            try:
                values = [precise_value(side, point, base, mpmath) for side in (left, right)]
            except (ArithmeticError, ValueError, KeyError, TypeError, NotExactError):
                continue
            if all(map(mpmath.isfinite, values)):
                size = max(mpmath.mpf(10) ** -20, *map(abs, values))
                distances.append(abs(values[0] - values[1]) / size)
        if len(distances) < min(2, len(points)):
            return None
        if all(distance <= bound for distance in distances):
            return True
        return False if all(distance > clear for distance in distances) else None

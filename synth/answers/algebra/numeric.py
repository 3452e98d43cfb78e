"""Values of expressions as floats, and to as many digits as are asked for."""

import cmath
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from synth.answers.algebra.exact import NotExactError, exact_function
from synth.answers.algebra.tokens import Tree

_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos,
    "arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "exp": cmath.exp, "ln": cmath.log,
    "sqrt": cmath.sqrt, "abs": abs, "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x), "lg": lambda x: cmath.log(x) / math.log(10), "deg": lambda x: x * math.pi / 180,
}  # fmt: skip
_CONSTANTS = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j}


def float_value(tree: Tree, point: Mapping[str, Fraction], log_base: float) -> complex | None:
    """Return the value at a point; None when it has none. `log_base` is the base of a logarithm without one."""
    try:
        value = _complex(tree, point, log_base)
    except (ArithmeticError, ValueError, KeyError, TypeError, NotExactError):
        return None
    return value if cmath.isfinite(value) else None


def real_value(tree: Tree, point: Mapping[str, Fraction] | None = None) -> float | None:
    """Return the value at a point as a real number; None when it has none, or a logarithm's base is not said."""
    value = float_value(tree, point or {}, math.e)
    return value.real if value is not None and abs(value.imag) <= 1e-12 * max(1.0, abs(value.real)) else None


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
        if tree[1] in _FUNCTIONS and len(arguments) == 1:
            return complex(_FUNCTIONS[tree[1]](arguments[0]))
        exact = [Fraction(argument.real).limit_denominator(10**6) for argument in arguments]
        return complex(float(exact_function(tree[1], exact)))
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


def precise_value(tree: Tree, point: Mapping[str, Fraction], base: float, mp: Any) -> Any:
    """Return the value at a point with the digits of the mpmath context `mp`; raises ValueError where it has none."""
    kind = tree[0]
    if kind in ("n", "s"):
        value = tree[1] if kind == "n" else point[tree[1]]
        return mp.mpf(value.numerator) / value.denominator
    if kind == "c":
        return {"pi": +mp.pi, "e": +mp.e, "i": mp.mpc(0, 1)}[tree[1]]
    if kind == "neg":
        return -precise_value(tree[1], point, base, mp)
    if kind == "f":
        return _multi_function(tree[1], [precise_value(argument, point, base, mp) for argument in tree[2:]], base, mp)
    left, right = precise_value(tree[1], point, base, mp), precise_value(tree[2], point, base, mp)
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

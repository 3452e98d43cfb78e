"""What an arithmetic expression calculates, in a form in which two ways to write one calculation are equal."""

import ast
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction

Calculation = tuple[str, frozenset[tuple[Fraction, int]]]
"""`+` with what is added and how often, or `*` with whole factors and their powers."""

_PERCENT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)%")


def operations(text: str) -> set[Calculation]:
    """Return the sums and products of an expression as `Expression.text` writes it; none of one that cannot be read."""
    try:
        tree = ast.parse(
            _PERCENT.sub(lambda share: str(Decimal(share[1]) / 100), text.replace(",", "")), mode="eval"
        ).body
        calculations: set[Calculation] = set()
        _value(tree, calculations)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return set()
    return calculations


def _value(node: ast.expr, calculations: set[Calculation]) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, calculations)
    if not isinstance(node, ast.BinOp):
        raise ValueError("no arithmetic")
    if isinstance(node.op, ast.Add | ast.Sub):
        terms = Counter(_terms(node, 1, calculations))
        calculations.add(("+", frozenset(terms.items())))
        return sum((value * times for value, times in terms.items()), Fraction(0))
    factors: Counter[Fraction] = Counter()
    value = Fraction(1)
    for factor, power in _factors(node, 1, calculations):
        value *= factor**power
        factors[Fraction(factor.numerator)] += power
        factors[Fraction(factor.denominator)] -= power
    powers = frozenset((factor, power) for factor, power in factors.items() if factor != 1 and power)
    if sum(abs(power) for _, power in powers) > 1 and any(power > 0 for _, power in powers):
        calculations.add(("*", powers))
    return value


def _terms(node: ast.expr, sign: int, calculations: set[Calculation]) -> list[Fraction]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = sign if isinstance(node.op, ast.Add) else -sign
        return [*_terms(node.left, sign, calculations), *_terms(node.right, right, calculations)]
    return [sign * _value(node, calculations)]


def _factors(node: ast.expr, power: int, calculations: set[Calculation]) -> list[tuple[Fraction, int]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        right = power if isinstance(node.op, ast.Mult) else -power
        return [*_factors(node.left, power, calculations), *_factors(node.right, right, calculations)]
    return [(_value(node, calculations), power)]

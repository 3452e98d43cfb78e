"""Pairs of expressions whose equality is known by evaluation: made at random, written in two ways, some of them changed."""

import cmath
import math
import random
from collections.abc import Iterator, Mapping

Expression = tuple
_POINTS = ({"x": 2.37, "n": 5.71, "a": 1.13}, {"x": 0.61, "n": 3.19, "a": 7.77}, {"x": 4.83, "n": 1.07, "a": 0.29})
_CHANGED = 0.6  # share of pairs of which one side is changed


def pairs(count: int, seed: int) -> Iterator[tuple[str, str, bool]]:
    """Yield pairs of gold, answer and whether they are equal at every point, to 12 digits."""
    rng = random.Random(seed)
    yielded = 0
    while yielded < count:
        tree = _tree(rng, rng.randint(1, 4))
        other = _changed(rng, tree) if rng.random() < _CHANGED else _rewritten(rng, tree)
        truth = _same(tree, other)
        if truth is None:
            continue
        yielded += 1
        yield _latex(tree), _plain(other) if rng.random() < 0.5 else _latex(other), truth


def _tree(rng: random.Random, depth: int) -> Expression:
    if depth == 0 or rng.random() < 0.15:
        kind = rng.random()
        if kind < 0.55:
            return ("n", rng.randint(1, 12))
        return ("s", rng.choice("xna")) if kind < 0.85 else ("pi",)
    kind = rng.choice(["+", "-", "*", "*", "/", "/", "^", "sqrt"])
    if kind == "^":
        return ("^", _tree(rng, depth - 1), ("n", rng.choice([2, 3])))
    if kind == "sqrt":
        return ("sqrt", _tree(rng, depth - 1))
    return (kind, _tree(rng, depth - 1), _tree(rng, depth - 1))


def _rewritten(rng: random.Random, tree: Expression) -> Expression:
    """The same value: operands of sums and products turned round, differences and quotients written otherwise."""
    if tree[0] in ("n", "s", "pi"):
        return tree
    parts = [_rewritten(rng, part) for part in tree[1:]]
    if tree[0] in "+*" and rng.random() < 0.5:
        parts.reverse()
    if tree[0] == "-" and rng.random() < 0.3:
        return ("+", ("neg", parts[1]), parts[0])
    if tree[0] == "^" and parts[1] == ("n", 2) and rng.random() < 0.4:
        return ("*", parts[0], parts[0])
    return (tree[0], *parts)


def _changed(rng: random.Random, tree: Expression) -> Expression:
    """One place changed: a number, a variable, a sign, an operator, what stands in a fraction."""
    if tree[0] == "n":
        return ("n", tree[1] + rng.choice([-1, 1, 10]))
    if tree[0] == "s":
        return ("s", rng.choice("xna".replace(tree[1], "")))
    if tree[0] == "pi":
        return ("n", 3)
    if rng.random() < 0.35:
        swapped = {"+": "-", "-": "+", "*": "+", "/": "*"}.get(tree[0])
        if swapped:
            return (swapped, *tree[1:])
    if tree[0] == "/" and tree[2][0] in "+-" and rng.random() < 0.5:
        return (tree[2][0], ("/", tree[1], tree[2][1]), tree[2][2])  # the braces of a denominator lost
    index = rng.randrange(1, len(tree))
    return tuple(_changed(rng, part) if position == index else part for position, part in enumerate(tree))


def _value(tree: Expression, point: Mapping[str, float]) -> complex:
    kind = tree[0]
    if kind == "n":
        return complex(tree[1])
    if kind == "s":
        return complex(point[tree[1]])
    if kind == "pi":
        return complex(math.pi)
    parts = [_value(part, point) for part in tree[1:]]
    if kind == "neg":
        return -parts[0]
    if kind == "sqrt":
        return cmath.sqrt(parts[0])
    left, right = parts
    if kind == "/":
        return left / right
    return {"+": left + right, "-": left - right, "*": left * right}.get(kind, left**right if kind == "^" else 0)


def _same(tree: Expression, other: Expression) -> bool | None:
    """None where a side has no value, or where the two are too near to tell."""
    equal = []
    for point in _POINTS:
        try:
            left, right = _value(tree, point), _value(other, point)
        except (ArithmeticError, ValueError):
            return None
        size = max(abs(left), abs(right))
        if not math.isfinite(size) or size > 1e12:
            return None
        distance = abs(left - right) / max(size, 1e-9)
        if 1e-12 < distance < 1e-6:
            return None
        equal.append(distance <= 1e-12)
    return all(equal) if len(set(equal)) == 1 else None


def _latex(tree: Expression) -> str:
    kind = tree[0]
    if kind in ("n", "s"):
        return str(tree[1])
    if kind == "pi":
        return r"\pi"
    if kind == "/":
        return rf"\frac{{{_latex(tree[1])}}}{{{_latex(tree[2])}}}"
    if kind == "sqrt":
        return rf"\sqrt{{{_latex(tree[1])}}}"
    if kind == "^":
        return f"{_inside(tree[1], _latex)}^{{{_latex(tree[2])}}}"
    return _joined(tree, _latex, r"\cdot ")


def _plain(tree: Expression) -> str:
    kind = tree[0]
    if kind in ("n", "s"):
        return str(tree[1])
    if kind == "pi":
        return "pi"
    if kind == "/":
        return f"{_inside(tree[1], _plain)}/{_inside(tree[2], _plain)}"
    if kind == "sqrt":
        return f"sqrt({_plain(tree[1])})"
    if kind == "^":
        return f"{_inside(tree[1], _plain)}^{_plain(tree[2])}"
    return _joined(tree, _plain, "*")


def _joined(tree: Expression, write, times: str) -> str:
    kind = tree[0]
    if kind == "neg":
        return f"-{_inside(tree[1], write)}"
    if kind == "*":
        return f"{_factor(tree[1], write)}{times}{_factor(tree[2], write)}"
    right = _inside(tree[2], write) if kind == "-" or tree[2][0] == "neg" else write(tree[2])
    return f"{write(tree[1])}{kind}{right}"


def _factor(tree: Expression, write) -> str:
    return _inside(tree, write) if tree[0] in ("+", "-", "neg") or (tree[0] == "/" and write is _plain) else write(tree)


def _inside(tree: Expression, write) -> str:
    return write(tree) if tree[0] in ("n", "s", "pi") or (tree[0] == "sqrt") else f"({write(tree)})"

"""Whether two polynomial equations or inequalities surely have different solutions: a zero of one where the other has none."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from synth.answers.algebra.numeric import real_value
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import symbols, walk

MAX_VARIABLES = 4

_GRID = [Fraction(step * 13, 20) - 60 for step in range(186)]
_AROUND = [
    Fraction(step * 13, 10) + Fraction(1, 7) for step in range(-15, 16)
]  # a written number, which may be a centre
_FIXED = (Fraction(3, 7), Fraction(-5, 3), Fraction(11, 4), Fraction(0), Fraction(-17, 5), Fraction(9, 2))
_MAX_CENTRES = 6
_MAX_SIZE = 10_000
_HALVINGS = 60
_CLEAR = 1e-6

Point = dict[str, Fraction]


def differ(left: Tree, right: Tree) -> bool:
    """Return whether `left = 0` and `right = 0` surely have different solutions; False where that is not sure.

    Only for polynomials in the same variables, or where one has some of the other's. Where a side changes its sign and the
    other does not vanish, equations differ, and so do inequalities.
    """
    names, others = symbols(left), symbols(right)
    if not (names <= others or others <= names) or not 0 < len(names | others) <= MAX_VARIABLES:
        return False
    if not (_is_polynomial(left) and _is_polynomial(right)):
        return False
    variables = sorted(names | others)
    return any(
        _vanishes_alone(side, other, point)
        for side, other in ((left, right), (right, left))
        for point in _sign_changes(side, variables)
    )


def _is_polynomial(tree: Tree) -> bool:
    for node in walk(tree):
        if not symbols(node):
            continue
        kind = node[0]
        if kind == "div" and symbols(node[2]):
            return False
        if kind == "pow" and (node[2][0] != "n" or node[2][1].denominator != 1 or node[2][1] < 0):
            return False
        if kind not in ("s", "add", "mul", "neg", "div", "pow"):
            return False
    return True


def _sign_changes(tree: Tree, variables: Sequence[str]) -> Iterator[Point]:
    """Points at which a polynomial is zero, to many digits, because it changes its sign there."""
    centres = _centres(tree)
    grid = sorted({*_GRID, *(centre + offset for centre in centres for offset in _AROUND)})
    for shift, free in enumerate(variables):
        for values in (_FIXED, (*centres, *_FIXED)):
            fixed = {
                name: values[(index + shift) % len(values)] for index, name in enumerate(variables) if name != free
            }
            before: tuple[Fraction, float] | None = None
            for step in grid:
                value = real_value(tree, fixed | {free: step})
                if value is not None and before is not None and value * before[1] < 0:
                    yield fixed | {free: _zero(tree, fixed, free, before[0], step)}
                before = (step, value) if value is not None else None


def _centres(tree: Tree) -> tuple[Fraction, ...]:
    """The numbers of a polynomial and their opposites, the first ones."""
    numbers = dict.fromkeys(node[1] for node in walk(tree) if node[0] == "n" and abs(node[1]) <= _MAX_SIZE)
    return tuple(sign * number for number in list(numbers)[:_MAX_CENTRES] for sign in (1, -1))


def _zero(tree: Tree, fixed: Point, free: str, low: Fraction, high: Fraction) -> Fraction:
    sign = real_value(tree, fixed | {free: low}) or 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (real_value(tree, fixed | {free: middle}) or 0.0) * sign > 0:
            low = middle
        else:
            high = middle
    return high


def _vanishes_alone(tree: Tree, other: Tree, point: Point) -> bool:
    """Whether only the first of two polynomials is zero at a point."""
    value, rest = real_value(other, point), real_value(tree, point)
    size = sum(abs(real_value(node, point) or 0.0) for node in walk(other) if node[0] in ("n", "s", "mul", "pow"))
    return value is not None and rest is not None and abs(value) > _CLEAR * max(1.0, size) and abs(rest) < abs(value)

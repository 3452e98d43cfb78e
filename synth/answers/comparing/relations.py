"""Comparing names with values, equations and inequalities."""

import re
from fractions import Fraction

from synth.answers.algebra import equality
from synth.answers.algebra.expression import whole_expression
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import symbols
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, Compare, at_most, of_all
from synth.answers.comparing.sequences import compare_intervals
from synth.answers.comparing.trees import compare_trees
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Form, Named, Quantity, Relation, Sequence

_SIMPLE_NAME = re.compile(r"\\?[A-Za-z](?:_\w+)?'*")


def compare_named(gold: Named, answer: Named, compare: Compare) -> Outcome:
    """Compare `x = 5` with `x = 5` or `y = 5`."""
    outcome = compare(gold.value, answer.value)
    left, right = gold.names, answer.names
    if left == right or len(left) > 1 or len(right) > 1:
        return outcome if len(left) == len(right) or outcome is WRONG else at_most(outcome)
    if left[0].lower() == right[0].lower():
        return at_most(outcome)
    if _SIMPLE_NAME.fullmatch(left[0]) and _SIMPLE_NAME.fullmatch(right[0]):
        return WRONG
    return at_most(outcome)


def compare_named_with_other(named: Named, other: Form, compare: Compare) -> Outcome:
    """Compare the value that has a name with one that has none."""
    if isinstance(other, Relation):
        left = whole_expression(named.names[0])
        if left is None or not isinstance(named.value, Quantity) or len(named.names) > 1:
            return UNVERIFIABLE
        return compare_relations(Relation((left, named.value.tree), ("=",), named.text), other, compare)
    return compare(other, named.value)


def compare_relations(gold: Relation, answer: Relation, compare: Compare) -> Outcome:
    """Compare equations and inequalities, which may be turned round, scaled or written as an interval."""
    if len(gold.signs) == len(answer.signs) == 1:
        (left, sign), (right, other) = _normal(gold), _normal(answer)
        ratio = _proportion(left, right)
        if ratio is not None and sign == other:
            if ratio > 0 or sign in ("=", "!="):
                return CORRECT
            return WRONG
        if ratio is not None and sign != other:
            return WRONG
    else:
        for turned in (answer, _turned(answer)):
            if gold.signs == turned.signs:
                outcome = of_all([compare_trees(*pair) for pair in zip(gold.sides, turned.sides, strict=True)])
                if outcome is CORRECT:
                    return CORRECT
    first, second = _as_interval(gold), _as_interval(answer)
    if first is not None and second is not None and _middle(gold) == _middle(answer):
        return compare_intervals(first, second, compare)
    return UNVERIFIABLE


_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def _turned(relation: Relation) -> Relation:
    return Relation(relation.sides[::-1], tuple(_TURNED[sign] for sign in relation.signs[::-1]), relation.text)


def _normal(relation: Relation) -> tuple[Tree, str]:
    """`left - right` with `<`, `<=`, `=` or `!=`."""
    sign = relation.signs[0]
    sides = relation.sides
    if sign in (">", ">="):
        sides, sign = sides[::-1], _TURNED[sign]
    return ("add", sides[0], ("neg", sides[1])), sign


def _proportion(left: Tree, right: Tree) -> Fraction | None:
    """The constant by which two expressions differ, when there is one."""
    ratio = equality.ratio(left, right)
    if ratio is None or ratio == 0:
        return None
    return ratio if equality.equal(left, ("mul", ("n", ratio, None), right)) else None


def _middle(relation: Relation) -> Tree | None:
    varying = [side for side in relation.sides if symbols(side)]
    return varying[0] if len(varying) == 1 else None


def _as_interval(relation: Relation) -> Sequence | None:
    """`2 <= x < 5` as [2, 5), `x > 3` as (3, oo)."""
    middle = _middle(relation)
    if middle is None or set(relation.signs) & {"=", "!="}:
        return None
    infinity: Tree = ("c", "inf")
    if len(relation.sides) == 3 and relation.sides[1] is middle:
        ordered = relation if relation.signs[0] in ("<", "<=") else _turned(relation)
        if not all(sign in ("<", "<=") for sign in ordered.signs):
            return None
        low, high = ordered.sides[0], ordered.sides[2]
        brackets = ("[" if ordered.signs[0] == "<=" else "(") + ("]" if ordered.signs[1] == "<=" else ")")
    elif len(relation.sides) == 2:
        turned = relation if relation.sides[0] is middle else _turned(relation)
        if turned.signs[0] in ("<", "<="):
            low, high, brackets = ("neg", infinity), turned.sides[1], "(" + ("]" if turned.signs[0] == "<=" else ")")
        else:
            low, high, brackets = turned.sides[1], infinity, ("[" if turned.signs[0] == ">=" else "(") + ")"
    else:
        return None
    kind = "tuple" if brackets == "()" else "interval"
    return Sequence(kind, (Quantity(low, ""), Quantity(high, "")), relation.text, brackets)


def compare_relation_with_other(relation: Relation, other: Form, compare: Compare) -> Outcome:
    """Compare an inequality with an interval, and an equation with a value."""
    interval = _as_interval(relation)
    if isinstance(other, Sequence) and interval is not None and other.kind in ("interval", "tuple"):
        return compare_intervals(interval, other, compare)
    if isinstance(other, Quantity) and relation.signs and set(relation.signs) == {"="}:
        return WRONG if other.value is not None and len(relation.sides) == 2 else UNVERIFIABLE
    return UNVERIFIABLE

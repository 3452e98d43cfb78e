"""Inequalities as the intervals that they describe: `2 <= x < 5`, `|z| > 3`, `x < 1 or x > 3`."""

import re

from synth.answers.algebra.numeric import real_value
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import symbols
from synth.answers.parsing.forms import Form, Quantity, Relation, Sequence, Union

TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_INFINITY: Tree = ("c", "inf")
_OR = re.compile(r"\bor\b", re.IGNORECASE)


def turned(relation: Relation) -> Relation:
    """Return the same relation read from right to left."""
    return Relation(relation.sides[::-1], tuple(TURNED[sign] for sign in relation.signs[::-1]), relation.text)


def bounded(relation: Relation) -> Tree | None:
    """Return the one side that varies; None when several do."""
    varying = [side for side in relation.sides if symbols(side)]
    return varying[0] if len(varying) == 1 else None


def as_interval(relation: Relation) -> Sequence | None:
    """Return `2 <= x < 5` as [2, 5) and `x > 3` as (3, oo); None for anything else."""
    middle = bounded(relation)
    if middle is None or set(relation.signs) & {"=", "!="}:
        return None
    if len(relation.sides) == 3 and relation.sides[1] is middle:
        ordered = relation if relation.signs[0] in ("<", "<=") else turned(relation)
        if not all(sign in ("<", "<=") for sign in ordered.signs):
            return None
        low, high = ordered.sides[0], ordered.sides[2]
        brackets = ("[" if ordered.signs[0] == "<=" else "(") + ("]" if ordered.signs[1] == "<=" else ")")
    elif len(relation.sides) == 2:
        ordered = relation if relation.sides[0] is middle else turned(relation)
        if ordered.signs[0] in ("<", "<="):
            low, high, brackets = ("neg", _INFINITY), ordered.sides[1], "(" + ("]" if ordered.signs[0] == "<=" else ")")
        else:
            low, high, brackets = ordered.sides[1], _INFINITY, ("[" if ordered.signs[0] == ">=" else "(") + ")"
    else:
        return None
    return _interval(low, high, brackets, relation.text)


def region(form: Form) -> tuple[str, Form] | None:
    """Return the name of a variable and the interval or union that it lies in; None when the form says no such thing.

    Args:
        form: An inequality with a variable or its absolute value, or such inequalities joined by `or`.
    """
    if isinstance(form, Relation):
        middle, interval = bounded(form), as_interval(form)
        if middle is None or interval is None:
            return None
        if middle[0] == "s":
            return str(middle[1]), interval
        if middle[0] == "f" and middle[1] == "abs" and middle[2][0] == "s":
            mirrored = _mirrored(interval)
            return (str(middle[2][1]), mirrored) if mirrored is not None else None
    if isinstance(form, Sequence) and form.kind == "list" and _OR.search(form.text):
        regions = [region(part) for part in form.parts]
        names = {part[0] for part in regions if part is not None}
        if None not in regions and len(names) == 1:
            parts = [part[1] for part in regions if part is not None]
            flat = [inner for part in parts for inner in (part.parts if isinstance(part, Union) else (part,))]
            return names.pop(), Union(tuple(flat), form.text)
    return None


def _interval(low: Tree, high: Tree, brackets: str, text: str) -> Sequence:
    kind = "tuple" if brackets == "()" else "interval"
    return Sequence(kind, (Quantity(low, ""), Quantity(high, "")), text, brackets)


def _mirrored(interval: Sequence) -> Form | None:
    """Where a variable lies whose absolute value lies in an interval of numbers that are not negative."""
    low, high = (part.tree for part in interval.parts if isinstance(part, Quantity))
    opening, closing = interval.brackets[0], interval.brackets[1]
    if low == ("neg", _INFINITY):
        bound = real_value(high)
        brackets = ("[" if closing == "]" else "(") + closing
        return _interval(("neg", high), high, brackets, interval.text) if bound is not None and bound > 0 else None
    bound = real_value(low)
    if bound is None or bound <= 0:
        return None
    upper = _interval(low, high, interval.brackets, "")
    mirror = {"[": "]", "(": ")", "]": "[", ")": "("}
    lower = _interval(("neg", high), ("neg", low), mirror[closing] + mirror[opening], "")
    return Union((lower, upper), interval.text)

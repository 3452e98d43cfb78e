"""Comparing names with values, equations and inequalities."""

import re
from fractions import Fraction

from synth.answers.algebra import equality
from synth.answers.algebra.expression import whole_expression
from synth.answers.algebra.tokens import Tree
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, Compare, at_most, of_all
from synth.answers.comparing.regions import TURNED, as_interval, bounded, region, turned
from synth.answers.comparing.sequences import ORDERED, compare_intervals
from synth.answers.comparing.solutions import differ
from synth.answers.comparing.trees import compare_trees
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Form, Named, Quantity, Relation, Sequence, Union

_SIMPLE_NAME = re.compile(r"\\?[A-Za-z](?:_\w+)?'*")


def compare_named(gold: Named, answer: Named, compare: Compare) -> Outcome:
    """Compare `x = 5` with `x = 5` or `y = 5`."""
    outcome = compare(gold.value, answer.value)
    left, right = gold.names, answer.names
    if left == right or len(left) > 1 or len(right) > 1:
        return outcome if len(left) == len(right) or outcome is WRONG else at_most(outcome)
    if left[0].lower() == right[0].lower():
        return at_most(outcome)
    function = left[0].partition("(")
    if function[1] and function[0] == right[0].partition("(")[0]:
        return UNVERIFIABLE  # f(x) and f(t): a variable may be renamed
    if _SIMPLE_NAME.fullmatch(left[0]) and _SIMPLE_NAME.fullmatch(right[0]):
        return WRONG
    return at_most(outcome)


def compare_named_with_other(named: Named, other: Form, compare: Compare) -> Outcome:
    """Compare the value that has a name with one that has none."""
    if isinstance(other, Relation):
        if isinstance(named.value, Union | Sequence):
            about = region(other)
            return compare(named.value, about[1]) if about and about[0] == named.names[0] else UNVERIFIABLE
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
        if (ratio is not None and sign != other) or differ(left, right):
            return WRONG
    else:
        for candidate in (answer, turned(answer)):
            if gold.signs == candidate.signs:
                outcome = of_all([compare_trees(*pair) for pair in zip(gold.sides, candidate.sides, strict=True)])
                if outcome is CORRECT:
                    return CORRECT
    first, second = as_interval(gold), as_interval(answer)
    if first is not None and second is not None and bounded(gold) == bounded(answer):
        return compare_intervals(first, second, compare)
    return compare_regions(gold, answer, compare)


def compare_regions(gold: Form, answer: Form, compare: Compare) -> Outcome:
    """Compare what two forms say about one variable as intervals; undecided where they say no such thing.

    An interval or union without a name is about whatever variable the other is about.
    """
    left, right = region(gold), region(answer)
    if left is not None and right is not None:
        return compare(left[1], right[1]) if left[0] == right[0] else UNVERIFIABLE
    if left is not None and isinstance(answer, Union | Sequence):
        return compare(left[1], answer) if isinstance(answer, Union) or answer.kind in ORDERED else UNVERIFIABLE
    if right is not None and isinstance(gold, Union | Sequence):
        return compare(gold, right[1]) if isinstance(gold, Union) or gold.kind in ORDERED else UNVERIFIABLE
    return UNVERIFIABLE


def _normal(relation: Relation) -> tuple[Tree, str]:
    """`left - right` with `<`, `<=`, `=` or `!=`."""
    sign = relation.signs[0]
    sides = relation.sides
    if sign in (">", ">="):
        sides, sign = sides[::-1], TURNED[sign]
    return ("add", sides[0], ("neg", sides[1])), sign


def _proportion(left: Tree, right: Tree) -> Fraction | None:
    """The constant by which two expressions differ, when there is one."""
    ratio = equality.ratio(left, right)
    if ratio is None or ratio == 0:
        return None
    return ratio if equality.equal(left, ("mul", ("n", ratio, None), right)) else None


def compare_relation_with_other(relation: Relation, other: Form, compare: Compare) -> Outcome:
    """Compare an inequality with an interval, a union or other inequalities, and an equation with a value."""
    if isinstance(other, Quantity):
        equation = relation.signs and set(relation.signs) == {"="}
        return WRONG if equation and other.value is not None and len(relation.sides) == 2 else UNVERIFIABLE
    interval, middle = as_interval(relation), bounded(relation)
    if isinstance(other, Sequence) and other.kind in ORDERED and interval is not None and middle is not None:
        if middle[:2] == ("f", "abs"):
            return compare_regions(relation, other, compare)
        return compare_intervals(interval, other, compare)
    return compare_regions(relation, other, compare)


def compare_union_with_sequence(union: Union, other: Sequence, compare: Compare) -> Outcome:
    """Compare a union with inequalities, or with one interval, which it is not."""
    return WRONG if other.kind in ORDERED else compare_regions(union, other, compare)

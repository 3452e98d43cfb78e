"""Comparing quantities: percent, groups such as dozens, units and rounded decimals."""

from fractions import Fraction

from synth.answers.algebra.equality import approximation
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import has, symbols
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG
from synth.answers.comparing.trees import compare_trees
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Quantity
from synth.answers.parsing.units import Unit, conversions, convert


def compare_quantities(gold: Quantity, answer: Quantity) -> Outcome:
    """Compare two quantities: what they count, and how many."""
    if gold.group != answer.group:
        return _grouped(gold, answer)
    if gold.percent != answer.percent:
        return _percent(gold, answer)
    if gold.unit is not None and answer.unit is not None:
        return _units(gold, answer, gold.unit, answer.unit)
    if gold.unit is not None or answer.unit is not None:
        return _one_unit(gold, answer)
    if gold.nouns and answer.nouns and not gold.nouns & answer.nouns and not (gold.prose or answer.prose):
        return UNVERIFIABLE
    return _values(gold, answer)


def _values(gold: Quantity, answer: Quantity) -> Outcome:
    """Compare the expressions alone; two readings of one text must agree."""
    pairs = [
        (left, right) for left in (gold.tree, gold.other) for right in (answer.tree, answer.other) if left and right
    ]
    outcomes = {compare_trees(left, right) for left, right in pairs}
    if len(outcomes) > 1:
        return UNVERIFIABLE
    outcome = outcomes.pop()
    if outcome is WRONG and (_rounded(gold, answer) or _rounded(answer, gold)):
        return UNVERIFIABLE
    return outcome


def _rounded(exact: Quantity, shown: Quantity) -> bool:
    """Whether a decimal is the other number, rounded or cut; a number with as many places is not."""
    if shown.places is None or (shown.places == 0 and shown.value is None):
        return False
    if exact.places is not None and exact.places <= shown.places:
        return False
    written = shown.value
    if written is None:
        return False
    value = exact.value
    if value is None:
        near = approximation(exact.tree) if not symbols(exact.tree) else None
        if near is None or abs(near.imag) > 1e-12 or abs(near.real) > 1e12:
            return False
        value = Fraction(near.real)
    elif exact.places is None and value.denominator == 1:
        return False
    distance = abs(written - value) * 10**shown.places
    return distance <= Fraction(1, 2) or (shown.places >= 3 and distance < 1)


def _percent(gold: Quantity, answer: Quantity) -> Outcome:
    """25% against 25 is correct, against 0.25 undecided."""
    outcome = _values(gold, answer)
    if gold.unit is not None or answer.unit is not None:
        return UNVERIFIABLE
    if outcome is not WRONG:
        return outcome
    left, right = gold.value, answer.value
    hundredth = left is not None and right is not None and (left == right * 100 or left * 100 == right)
    near = (
        left is not None
        and right is not None
        and any(abs(percent - share * 100) * 200 <= abs(percent) for percent, share in ((left, right), (right, left)))
    )  # a rounded percentage beside an exact share
    return UNVERIFIABLE if hundredth or near else WRONG


def _grouped(gold: Quantity, answer: Quantity) -> Outcome:
    """`5 dozen` against 60 is correct, against 5 undecided."""
    left, right = gold.value, answer.value
    if left is None or right is None:
        return UNVERIFIABLE
    if left * (gold.group or 1) == right * (answer.group or 1):
        return CORRECT
    return UNVERIFIABLE if left == right else WRONG


def _units(gold: Quantity, answer: Quantity, unit: Unit, other: Unit) -> Outcome:
    if unit == other:
        return _values(gold, answer)
    product = _letters(gold, answer)
    if product is not None:
        return product
    if unit.dimensions == other.dimensions and unit.factor == other.factor:
        return _values(gold, answer)
    if {unit.dimensions, other.dimensions} == {_POUNDS, _STERLING} and _POUND in (unit.factor, other.factor):
        return _values(gold, answer)
    value, shown = gold.value, answer.value
    if value is None or shown is None:
        if unit.dimensions != other.dimensions:
            return UNVERIFIABLE
        scaled: Tree = ("mul", answer.tree, ("n", other.factor / unit.factor, None))
        return compare_trees(gold.tree, scaled)
    converted = convert(shown, other, unit)
    if converted is None:
        return _rate_of_money(gold, answer, unit, other)
    if converted == value:
        return CORRECT
    near = abs(converted - value) <= abs(value) * Fraction(1, 200)
    exact_ratio = (other.factor / unit.factor).limit_denominator(10**6) == other.factor / unit.factor
    return (
        UNVERIFIABLE
        if near and (not exact_ratio or gold.places or answer.places or not _metric(unit, other))
        else WRONG
    )


_POUNDS, _STERLING, _POUND = (("mass", 1),), (("sterling", 1),), Fraction("0.45359237")


def _metric(unit: Unit, other: Unit) -> bool:
    ratio = unit.factor / other.factor
    return ratio.numerator == 1 or ratio.denominator == 1


def _rate_of_money(gold: Quantity, answer: Quantity, unit: Unit, other: Unit) -> Outcome:
    """`$5` and `$5 per day` say the same amount."""
    left, right = dict(unit.dimensions), dict(other.dimensions)
    shared = {kind for kind in left if left[kind] == 1} & {kind for kind in right if right[kind] == 1}
    if (unit.money or other.money) and shared and abs(len(left) - len(right)) == 1:
        return _values(gold, answer)
    return UNVERIFIABLE


def _letters(gold: Quantity, answer: Quantity) -> Outcome | None:
    """Where one side is an expression with variables, a letter behind a number is one too."""
    left = gold.product if gold.unit is not None and gold.unit.symbol else None
    right = answer.product if answer.unit is not None and answer.unit.symbol else None
    if left is not None and symbols(answer.tree):
        return compare_trees(left, answer.tree)
    if right is not None and symbols(gold.tree):
        return compare_trees(gold.tree, right)
    return None


def _one_unit(gold: Quantity, answer: Quantity) -> Outcome:
    """One side names a known unit, the other none, or words that are none."""
    product = _letters(gold, answer)
    if product is not None:
        return product
    with_unit, other = (gold, answer) if gold.unit is not None else (answer, gold)
    outcome = CORRECT if with_unit.tree == other.tree else _values_alone(with_unit, other)
    unit = with_unit.unit
    if unit is None or outcome is UNVERIFIABLE:
        return outcome
    if unit.symbol and with_unit.product is not None and with_unit is answer and outcome is CORRECT and not gold.nouns:
        return UNVERIFIABLE  # `5m` against 5: metres, or five times m
    if other.nouns and not other.prose:
        return UNVERIFIABLE
    if outcome is WRONG and (_convertible(with_unit, other, unit) or _radians(with_unit, other, unit)):
        return UNVERIFIABLE
    return outcome


def _values_alone(left: Quantity, right: Quantity) -> Outcome:
    outcome = compare_trees(left.tree, right.tree)
    if outcome is WRONG and (_rounded(left, right) or _rounded(right, left)):
        return UNVERIFIABLE
    return outcome


def _convertible(with_unit: Quantity, bare: Quantity, unit: Unit) -> bool:
    """Whether the number without a unit may be the same in another unit: `2 hours` and 120."""
    value, other = with_unit.value, bare.value
    if not value or not other:
        return False
    return other / value in conversions(unit)


def _radians(with_unit: Quantity, bare: Quantity, unit: Unit) -> bool:
    """Whether degrees beside a multiple of pi are the same angle."""
    if unit.dimensions != (("angle", 1),) or not has(bare.tree, "c", "pi"):
        return False
    half_turn: Tree = ("div", ("c", "pi"), ("n", Fraction(180) / unit.factor, None))
    return compare_trees(("mul", with_unit.tree, half_turn), bare.tree) is CORRECT

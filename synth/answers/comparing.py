"""Comparing: whether two answers are the same, by an explicit table of the pairs of types.

What the table does not hold is undecided. Expressions are compared by `algebra`, and what it cannot decide by computer
algebra in a process that can be killed.
"""

import re
from collections.abc import Callable
from collections.abc import Sequence as Parts
from fractions import Fraction
from functools import lru_cache
from typing import Any

from synth.answers import algebra
from synth.answers.expression import Tree, whole_expression
from synth.answers.forms import (
    Based,
    Choice,
    Clock,
    Date,
    Form,
    Matrix,
    Named,
    Quantity,
    Relation,
    Sequence,
    Union,
    Words,
)
from synth.answers.outcome import Outcome
from synth.answers.symbolic import compare_symbolically
from synth.answers.typography import fold
from synth.answers.units import Unit, conversions, convert
from synth.answers.words import OPPOSITE

CORRECT, WRONG, UNVERIFIABLE = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE


def compare_forms(gold: Form, answer: Form) -> Outcome:
    """Compare an answer with the gold answer, both read as what they are."""
    if _same_text(gold.text, answer.text):
        return CORRECT
    compare = _TABLE.get((type(gold), type(answer)))
    if compare is not None:
        return compare(gold, answer)
    turned = _TABLE.get((type(answer), type(gold)))
    return turned(answer, gold) if turned is not None else UNVERIFIABLE


def _same_text(left: str, right: str) -> bool:
    """Whether two texts are the same up to spaces that stand between signs."""
    if left == right:
        return left != ""
    return _SPACES.sub("", left) == _SPACES.sub("", right) != "" if len(left) < 400 and len(right) < 400 else False


_SPACES = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")


def _both(outcomes: Parts[Outcome]) -> Outcome:
    if WRONG in outcomes:
        return WRONG
    return UNVERIFIABLE if UNVERIFIABLE in outcomes else CORRECT


def _equally(same: bool) -> Outcome:
    return CORRECT if same else WRONG


def _at_most(outcome: Outcome) -> Outcome:
    """For types that are not quite the same: equal values leave it undecided."""
    return UNVERIFIABLE if outcome is CORRECT else outcome


# expressions and quantities


def compare_trees(gold: Tree, answer: Tree) -> Outcome:
    """Compare two expressions."""
    if gold[0] == answer[0] == "n":
        return _equally(gold[1] == answer[1])
    if gold == answer:
        return CORRECT
    left, right = algebra.symbols(gold), algebra.symbols(answer)
    same = _equal(gold, answer)
    if same is False and left != right and {name.lower() for name in left} == {name.lower() for name in right}:
        return UNVERIFIABLE  # letters in another case may be meant for the same
    return UNVERIFIABLE if same is None else _equally(same)


@lru_cache(maxsize=10_000)
def _equal(gold: Tree, answer: Tree) -> bool | None:
    return algebra.equal(gold, answer)


def _quantities(gold: Quantity, answer: Quantity) -> Outcome:
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
        near = algebra.approximation(exact.tree) if not algebra.symbols(exact.tree) else None
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
        and any(abs(one - other * 100) * 200 <= abs(one) for one, other in ((left, right), (right, left)))
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
    if left is not None and algebra.symbols(answer.tree):
        return compare_trees(left, answer.tree)
    if right is not None and algebra.symbols(gold.tree):
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
    if outcome is WRONG and _convertible(with_unit, other, unit):
        return UNVERIFIABLE
    return outcome


def _values_alone(one: Quantity, other: Quantity) -> Outcome:
    outcome = compare_trees(one.tree, other.tree)
    if outcome is WRONG and (_rounded(one, other) or _rounded(other, one)):
        return UNVERIFIABLE
    return outcome


def _convertible(with_unit: Quantity, bare: Quantity, unit: Unit) -> bool:
    """Whether the number without a unit may be the same in another unit: `2 hours` and 120."""
    value, other = with_unit.value, bare.value
    if not value or not other:
        return False
    return other / value in conversions(unit)


# words and letters


def _words(gold: Words, answer: Words) -> Outcome:
    symbolic = re.compile(r"[\\\d=<>^_+*/{}]")
    if symbolic.search(gold.text) or symbolic.search(answer.text):
        return compare_symbolically(gold.text, answer.text)
    left, right = fold(gold.text), fold(answer.text)
    if left == right != "":
        return CORRECT
    first = re.match(r"([a-z]+)\s*[,.;:!-]", right)
    word = first[1] if first and first[1] in OPPOSITE else right
    if left in OPPOSITE:
        if word == left:
            return CORRECT
        if word == OPPOSITE[left]:
            return WRONG
    return UNVERIFIABLE


def _words_and_quantity(words: Words, quantity: Quantity) -> Outcome:
    """`xy` is a word, and a product beside an expression with variables."""
    if re.fullmatch(r"[a-z]{2,3}", words.text) and algebra.symbols(quantity.tree):
        tree = whole_expression(words.text)
        return compare_trees(tree, quantity.tree) if tree is not None else UNVERIFIABLE
    if "\\" in words.text or "\\" in quantity.text:
        return compare_symbolically(words.text, quantity.text)
    return UNVERIFIABLE


def _choices(gold: Choice, answer: Choice) -> Outcome:
    if gold.letter == answer.letter:
        return CORRECT
    if gold.letter.upper() == answer.letter.upper():
        return CORRECT if gold.letter.upper() <= "E" else UNVERIFIABLE
    return WRONG


def _choice_and_other(choice: Choice, other: Form) -> Outcome:
    """A choice against an option's text, or a letter that is a symbol."""
    if choice.option is not None:
        return compare_forms(other, choice.option) if not isinstance(choice.option, Choice) else UNVERIFIABLE
    if isinstance(other, Quantity) and other.tree[0] in ("s", "c"):
        name = str(other.tree[1])
        if name == choice.letter:
            return CORRECT
        if name.upper() == choice.letter.upper():
            return CORRECT if "A" <= choice.letter <= "E" and name in "abcde" else UNVERIFIABLE
        return WRONG if len(name) == 1 else UNVERIFIABLE
    if choice.bare and isinstance(other, Quantity) and algebra.symbols(other.tree):
        return compare_trees(("s", choice.letter), other.tree)
    return UNVERIFIABLE


# names, relations


def _named(gold: Named, answer: Named) -> Outcome:
    outcome = compare_forms(gold.value, answer.value)
    left, right = gold.names, answer.names
    if left == right or len(left) > 1 or len(right) > 1:
        return outcome if len(left) == len(right) or outcome is WRONG else _at_most(outcome)
    if left[0].lower() == right[0].lower():
        return _at_most(outcome)
    simple = re.compile(r"\\?[A-Za-z](?:_\w+)?'*")
    if simple.fullmatch(left[0]) and simple.fullmatch(right[0]):
        return WRONG
    return _at_most(outcome)


def _named_and_other(named: Named, other: Form) -> Outcome:
    if isinstance(other, Relation):
        left = whole_expression(named.names[0])
        if left is None or not isinstance(named.value, Quantity) or len(named.names) > 1:
            return UNVERIFIABLE
        return _relations(Relation((left, named.value.tree), ("=",), named.text), other)
    return compare_forms(other, named.value)


def _relations(gold: Relation, answer: Relation) -> Outcome:
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
                outcome = _both([compare_trees(*pair) for pair in zip(gold.sides, turned.sides, strict=True)])
                if outcome is CORRECT:
                    return CORRECT
    first, second = _as_interval(gold), _as_interval(answer)
    if first is not None and second is not None and _middle(gold) == _middle(answer):
        return _intervals(first, second)
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
    ratio = algebra.ratio(left, right)
    if ratio is None or ratio == 0:
        return None
    return ratio if algebra.equal(left, ("mul", ("n", ratio, None), right)) else None


def _middle(relation: Relation) -> Tree | None:
    varying = [side for side in relation.sides if algebra.symbols(side)]
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


def _relation_and_other(relation: Relation, other: Form) -> Outcome:
    interval = _as_interval(relation)
    if isinstance(other, Sequence) and interval is not None and other.kind in ("interval", "tuple"):
        return _intervals(interval, other)
    if isinstance(other, Quantity) and relation.signs and set(relation.signs) == {"="}:
        return WRONG if other.value is not None and len(relation.sides) == 2 else UNVERIFIABLE
    return UNVERIFIABLE


# several values


def _intervals(gold: Sequence, answer: Sequence) -> Outcome:
    if gold.brackets != answer.brackets:
        return WRONG
    return _in_order(gold.parts, answer.parts)


def _in_order(parts: Parts[Form], others: Parts[Form]) -> Outcome:
    if len(parts) != len(others):
        return WRONG
    return _both([compare_forms(part, other) for part, other in zip(parts, others, strict=True)])


def _in_any_order(parts: Parts[Form], others: Parts[Form]) -> Outcome:
    if len(parts) != len(others):
        parts, others = _distinct(parts), _distinct(others)
        if len(parts) != len(others):
            return WRONG
    if len(parts) > 16:
        return _at_most(_in_order(parts, others)) if len(parts) > 40 else _in_order(parts, others)
    left, doubtful = list(others), False
    for part in parts:
        outcomes = [compare_forms(part, other) for other in left]
        if CORRECT in outcomes:
            left.pop(outcomes.index(CORRECT))
        elif UNVERIFIABLE in outcomes:
            doubtful = True
        else:
            return WRONG
    return UNVERIFIABLE if doubtful else CORRECT


def _distinct(parts: Parts[Form]) -> Parts[Form]:
    """Without repetitions."""
    return list({_SPACES.sub("", part.text) or str(part): part for part in parts}.values())


_UNORDERED = ("list", "set", "pm")
_ORDERED = ("tuple", "interval")


def _sequences(gold: Sequence, answer: Sequence) -> Outcome:
    kinds = (gold.kind, answer.kind)
    if "pm" in kinds or "set" in kinds:
        if set(kinds) <= set(_UNORDERED):
            return _in_any_order(_flat(gold), _flat(answer))
        return _at_most(_in_order(gold.parts, answer.parts)) if len(gold.parts) == len(answer.parts) else WRONG
    if kinds == ("list", "list"):
        outcome = _in_order(_flat(gold), _flat(answer))
        if outcome is CORRECT:
            return CORRECT
        loose = _in_any_order(_flat(gold), _flat(answer))
        if loose is CORRECT and all(isinstance(part, Named) for part in (*gold.parts, *answer.parts)):
            return CORRECT
        if loose is CORRECT and all(isinstance(part, Sequence) for part in (*gold.parts, *answer.parts)):
            return CORRECT  # solutions such as (1, 2), (2, 1) have no order among themselves
        return _at_most(loose)
    if set(kinds) <= set(_ORDERED):
        return _ordered(gold, answer)
    if kinds == ("ratio", "ratio"):
        return _ratios(gold, answer)
    if kinds == ("remainder", "remainder"):
        return _in_order(gold.parts, answer.parts)
    if set(kinds) <= {*_ORDERED, "list"}:
        return _at_most(_in_order(gold.parts, answer.parts)) if len(gold.parts) == len(answer.parts) else UNVERIFIABLE
    return UNVERIFIABLE


def _flat(sequence: Sequence) -> tuple[Form, ...]:
    parts: list[Form] = []
    for part in sequence.parts:
        inner = part.value if isinstance(part, Named) else part
        parts.extend(inner.parts if isinstance(inner, Sequence) and inner.kind == "pm" else (part,))
    return tuple(parts)


def _ordered(gold: Sequence, answer: Sequence) -> Outcome:
    outcome = _in_order(gold.parts, answer.parts)
    if gold.brackets == answer.brackets or outcome is WRONG:
        return outcome
    return WRONG if len(gold.parts) == 2 and outcome is CORRECT else _at_most(outcome)


def _ratios(gold: Sequence, answer: Sequence) -> Outcome:
    outcome = _in_order(gold.parts, answer.parts)
    if outcome is not WRONG or len(gold.parts) != len(answer.parts):
        return outcome
    left, right = [_value(part) for part in gold.parts], [_value(part) for part in answer.parts]
    if None in left or None in right:
        return UNVERIFIABLE
    scaled = all((a or 0) * (right[0] or 0) == (b or 0) * (left[0] or 0) for a, b in zip(left, right, strict=True))
    return UNVERIFIABLE if scaled else WRONG


def _value(form: Form) -> Fraction | None:
    return form.value if isinstance(form, Quantity) else None


def _sequence_and_quantity(sequence: Sequence, quantity: Quantity, *, gold_is_sequence: bool) -> Outcome:
    """A list against one value: another number of answers. A comma may also have been a decimal one."""
    if sequence.kind == "ratio":
        top, bottom = _value(sequence.parts[0]), _value(sequence.parts[1]) if len(sequence.parts) == 2 else None
        return UNVERIFIABLE if not bottom or top is None or quantity.value in (None, top / bottom) else WRONG
    if re.search(r"\d,\d{1,2}(?!\d)", sequence.text) and ", " not in sequence.text:
        return UNVERIFIABLE
    if sequence.kind == "remainder" or not sequence.parts:
        return UNVERIFIABLE
    if len(sequence.parts) == 1:
        return compare_forms(sequence.parts[0], quantity)
    if sequence.kind in _ORDERED:
        return (
            UNVERIFIABLE
            if quantity.value is None or "," in quantity.text or re.search(r"\d,\d{3}", sequence.text)
            else WRONG
        )
    among = [compare_forms(part, quantity) for part in sequence.parts]
    if gold_is_sequence:
        return WRONG if set(among) <= {CORRECT, WRONG} and len(set(map(str, among))) > 0 else UNVERIFIABLE
    return WRONG if set(among) == {WRONG} else UNVERIFIABLE


def _unions(gold: Union, answer: Union) -> Outcome:
    return _in_any_order(gold.parts, answer.parts)


def _union_and_other(union: Union, other: Form) -> Outcome:
    return WRONG if isinstance(other, Sequence) and other.kind in _ORDERED else UNVERIFIABLE


def _matrices(gold: Matrix, answer: Matrix) -> Outcome:
    if len(gold.rows) != len(answer.rows) or len(gold.rows[0]) != len(answer.rows[0]):
        return WRONG
    pairs = zip(gold.rows, answer.rows, strict=True)
    return _both([_in_order(row, other) for row, other in pairs])


def _matrix_and_sequence(matrix: Matrix, sequence: Sequence) -> Outcome:
    cells = [cell for row in matrix.rows for cell in row]
    if min(len(matrix.rows), len(matrix.rows[0])) > 1:
        return UNVERIFIABLE
    return _at_most(_in_order(cells, sequence.parts))


# bases, times, dates


def _based(gold: Based, answer: Based) -> Outcome:
    if gold.base == answer.base:
        return _equally(gold.digits == answer.digits)
    left, right = _number(gold), _number(answer)
    return UNVERIFIABLE if left is None or right is None or left == right else WRONG


def _number(based: Based) -> int | None:
    try:
        return int(based.digits, based.base)
    except ValueError:
        return None


def _based_and_quantity(based: Based, quantity: Quantity) -> Outcome:
    value = quantity.value
    if value is None or value.denominator != 1 or _number(based) is None:
        return UNVERIFIABLE
    return UNVERIFIABLE if str(value) in (based.digits, str(_number(based))) else WRONG


def _clocks(gold: Clock, answer: Clock) -> Outcome:
    left, right = gold.parts + (0,) * (3 - len(gold.parts)), answer.parts + (0,) * (3 - len(answer.parts))
    if gold.half and answer.half:
        return _equally(left == right and gold.half == answer.half)
    if gold.half != answer.half:
        if left == right:
            return CORRECT
        clock, other = (gold, answer) if gold.half else (answer, gold)
        hour = clock.parts[0] % 12 + (12 if clock.half == "p" else 0)
        return _equally((hour, *clock.parts[1:]) == other.parts)
    if left == right:
        return CORRECT
    same = len(gold.parts) == len(answer.parts) == 2 and left[0] * right[1] == left[1] * right[0]
    return UNVERIFIABLE if same else WRONG


def _clock_and_ratio(clock: Clock, sequence: Sequence) -> Outcome:
    if clock.half or sequence.kind != "ratio":
        return UNVERIFIABLE
    parts = tuple(Quantity(("n", Fraction(part), None), "") for part in clock.parts)
    return _ratios(Sequence("ratio", parts, clock.text), sequence)


def _dates(gold: Date, answer: Date) -> Outcome:
    if (gold.month, gold.day) != (answer.month, answer.day):
        return WRONG
    if gold.year is None or answer.year is None:
        return _equally(True) if gold.year is None else UNVERIFIABLE
    return _equally(gold.year == answer.year)


def _quantity_first(gold: Quantity, answer: Sequence) -> Outcome:
    return _sequence_and_quantity(answer, gold, gold_is_sequence=False)


def _sequence_first(gold: Sequence, answer: Quantity) -> Outcome:
    return _sequence_and_quantity(gold, answer, gold_is_sequence=True)


_TABLE: dict[tuple[type, type], Callable[[Any, Any], Outcome]] = {
    (Quantity, Quantity): _quantities,
    (Quantity, Sequence): _quantity_first,
    (Sequence, Quantity): _sequence_first,
    (Sequence, Sequence): _sequences,
    (Words, Words): _words,
    (Words, Quantity): _words_and_quantity,
    (Choice, Choice): _choices,
    (Named, Named): _named,
    (Relation, Relation): _relations,
    (Union, Union): _unions,
    (Union, Sequence): _union_and_other,
    (Matrix, Matrix): _matrices,
    (Matrix, Sequence): _matrix_and_sequence,
    (Based, Based): _based,
    (Based, Quantity): _based_and_quantity,
    (Clock, Clock): _clocks,
    (Clock, Sequence): _clock_and_ratio,
    (Date, Date): _dates,
    **{(Choice, kind): _choice_and_other for kind in (Quantity, Words, Sequence, Date, Clock, Matrix, Based)},
    **{
        (Named, kind): _named_and_other
        for kind in (Quantity, Words, Sequence, Relation, Union, Matrix, Choice, Based, Clock)
    },
    **{(Relation, kind): _relation_and_other for kind in (Sequence, Quantity)},
}
"""How two types are compared; a pair is looked up in both orders, and one that is not here is undecided."""

"""Quantities of several parts: `2 hours and 30 minutes`, `5 feet 3 inches`, `5'3"`, `3 dollars and 50 cents`, `two and a half`."""

import re
from fractions import Fraction

from synth.answers.parsing.forms import Quantity
from synth.answers.parsing.quantities import read_quantity
from synth.answers.parsing.units import Unit, parse_unit
from synth.answers.parsing.words import NUMBER_SCALES, number_in_words

MAX_PARTS = 4

_PART = re.compile(
    r"(\d[\d,]*(?:\.\d+)?(?:/\d+)?|[a-z]+)[\s-]*(?!(?:and|or)\b)([A-Za-z]+\.?)(?:\s*,?\s*(?:and|&)\s+|\s*,\s*|\s+|$)",
    re.IGNORECASE,
)
_FEET = re.compile(r"(\d+)\s*'\s*(\d+(?:\.\d+)?)\s*(?:''|\")")
_AND_PART = re.compile(
    r"(.+?)\s+and\s+(?:(?:a|one)\s+)?(?:(\w+)[\s-]+)?(half|halves|thirds?|quarters?|fourths?|fifths?|eighths?|tenths?)(?:\s+(.*))?",
    re.IGNORECASE,
)


def read_compound(text: str) -> Quantity | None:
    """Read a quantity in several units of one dimension, each smaller than the one before, or one with a part in words."""
    feet = _FEET.fullmatch(text)
    if feet:
        return _total([(Fraction(feet[1]), parse_unit("foot")), (Fraction(feet[2]), parse_unit("inch"))], text)
    parts: list[tuple[Fraction | None, Unit | None]] = []
    position = 0
    while position < len(text) and len(parts) <= MAX_PARTS:
        match = _PART.match(text, position)
        if match is None:
            break
        quantity = read_quantity(match[1])
        parts.append((quantity.value if quantity is not None else None, parse_unit(match[2])))
        position = match.end()
    total = _total(parts, text) if position == len(text) and len(parts) > 1 else None
    return total or _with_part_in_words(text)


def _total(parts: list[tuple[Fraction | None, Unit | None]], text: str) -> Quantity | None:
    """The sum in the last unit; None unless every unit is smaller than the one before and its count does not reach it."""
    last = parts[-1][1]
    if last is None:
        return None
    total = Fraction(0)
    larger: Unit | None = None
    for value, unit in parts:
        if value is None or unit is None or unit.dimensions != last.dimensions or len(unit.dimensions) != 1:
            return None
        if larger is not None and (unit.factor >= larger.factor or value * unit.factor >= larger.factor):
            return None
        total += value * unit.factor / last.factor
        larger = unit
    return Quantity(("n", total, None), text, unit=last)


def _with_part_in_words(text: str) -> Quantity | None:
    """`3 and a half`, `two and three quarters miles`."""
    match = _AND_PART.fullmatch(text)
    if match is None:
        return None
    whole = read_quantity(match[1])
    count = number_in_words(match[2]) if match[2] and match[2].lower() not in ("a", "one") else Fraction(1)
    if (
        whole is None
        or whole.value is None
        or whole.value.denominator != 1
        or whole.unit
        or whole.nouns
        or count is None
    ):
        return None
    part = count * NUMBER_SCALES[match[3].lower()]
    if not 0 < part < 1:
        return None
    value = whole.value + part if whole.value >= 0 else whole.value - part
    counted = read_quantity(f"1 {match[4]}") if match[4] else None
    if match[4] and (counted is None or counted.value != 1):
        return None
    tree = ("n", value, None)
    return Quantity(tree, text, unit=counted.unit, nouns=counted.nouns) if counted else Quantity(tree, text)

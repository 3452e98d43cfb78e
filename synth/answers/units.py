"""Units: two of one kind are converted exactly, two of different kinds make an answer wrong.

Not covered: areas, volumes and rates are compared only with the same units (`5 km per hour` with `5 km/h`).
"""

import re
from fractions import Fraction

from synth.answers.numbers import Number
from synth.answers.outcome import Outcome

_KINDS: dict[str, dict[str, str]] = {
    "length": {"mm": "1/1000", "millimeter": "1/1000", "cm": "1/100", "centimeter": "1/100", "m": "1", "meter": "1",
               "metre": "1", "km": "1000", "kilometer": "1000", "inch": "127/5000", "inches": "127/5000",
               "ft": "381/1250", "foot": "381/1250", "feet": "381/1250", "yd": "1143/1250", "yard": "1143/1250",
               "mile": "201168/125"},
    "mass": {"mg": "1/1000000", "milligram": "1/1000000", "g": "1/1000", "gram": "1/1000", "kg": "1", "kilogram": "1",
             "oz": "45359237/1600000000", "ounce": "45359237/1600000000", "lb": "45359237/100000000",
             "lbs": "45359237/100000000", "pound": "45359237/100000000", "ton": "1000", "tonne": "1000"},
    "time": {"second": "1", "sec": "1", "s": "1", "minute": "60", "min": "60", "hour": "3600", "hr": "3600", "h": "3600",
             "day": "86400", "week": "604800"},
    "months": {"month": "1", "year": "12"},
    "volume": {"ml": "1/1000", "milliliter": "1/1000", "cl": "1/100", "l": "1", "liter": "1", "litre": "1"},
    "money": {"$": "1", "dollar": "1", "cent": "1/100", "¢": "1/100", "usd": "1"},
    "euro": {"€": "1", "euro": "1", "eur": "1"},
    "sterling": {"£": "1", "gbp": "1"},
    "angle": {"degree": "1", "radian": "0"},
    "share": {"%": "1", "percent": "1"},
}  # fmt: skip
_KIND = {unit: (kind, Fraction(factor)) for kind, units in _KINDS.items() for unit, factor in units.items()}
_QUALIFIERS = frozenset({"square", "sq", "cubic", "cu"})
_ALMOST = ({"time", "months"},)
"""Kinds of which one cannot be converted into the other exactly: a month has no fixed number of days."""

Unit = tuple[str, Fraction]


def compare_units(gold: Number, answer: Number) -> Outcome | None:
    """Compare two quantities; None when one names no known unit, or both name the same: then the numbers decide."""
    left, right = known_units(gold.unit), known_units(answer.unit)
    if not left or not right or left == right:
        return None
    if len(left) > 1 or len(right) > 1:
        return Outcome.UNVERIFIABLE
    (kind, factor), (other, scale) = _alike(left[0], right[0], gold.unit, answer.unit)
    if kind != other:
        doubtful = gold.value == answer.value == 0 or {kind, other} in _ALMOST
        return Outcome.UNVERIFIABLE if doubtful else Outcome.WRONG
    if not factor or not scale:
        return Outcome.UNVERIFIABLE
    return Outcome.CORRECT if gold.value * factor == answer.value * scale else Outcome.WRONG


def _alike(left: Unit, right: Unit, *words: str) -> tuple[Unit, Unit]:
    """Pounds beside a pound sign are money."""
    if {left[0], right[0]} == {"mass", "sterling"} and any(word.startswith("pound") for word in words):
        sterling = _KIND["£"]
        return sterling, sterling
    return left, right


def known_units(text: str) -> tuple[Unit, ...]:
    """Return the known units among the words, in order; a currency that is named twice counts once."""
    found: list[Unit] = []
    for word in re.split(r"[\s/-]+", text):
        unit = (word, Fraction(0)) if word in _QUALIFIERS else _known(word)
        if unit is not None and not (found and unit == found[-1] and unit[0] in ("money", "euro", "sterling")):
            found.append(unit)
    return tuple(found)


def _known(word: str) -> Unit | None:
    for name in (word, word.removesuffix("s"), word.removesuffix("es")):
        if name in _KIND:
            return _KIND[name]
    return None

"""Quantities: a number and a unit. Two units of one kind are converted; two of different kinds make an answer wrong."""

import re
from fractions import Fraction

from synth.problems.answers import parse_number
from synth.problems.base import Outcome

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
    "angle": {"degree": "1", "°": "1", "radian": "0"},
}  # fmt: skip
_KIND = {unit: (kind, Fraction(factor)) for kind, units in _KINDS.items() for unit, factor in units.items()}
_QUANTITY = re.compile(r"([-+]?)([$€£]?)\s*([-+]?[\d.,/ ]*\d)\s*([A-Za-z¢°$€£]*)\.?")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox)\s*\{\s*([^{}]*?)\s*\}")


def compare_units(gold: str, answer: str) -> Outcome | None:
    """Compare two quantities that both name their unit; None when one of them does not, or both name the same."""
    left, right = _read(gold), _read(answer)
    if left is None or right is None or left[1] == right[1]:
        return None
    (one, unit), (other, another) = left, right
    kind, factor = _KIND[unit]
    same, scale = _KIND[another]
    if kind != same:
        return Outcome.UNVERIFIABLE if one == other == 0 else Outcome.WRONG
    if not factor or not scale:
        return Outcome.UNVERIFIABLE
    return Outcome.CORRECT if one * factor == other * scale else Outcome.WRONG


def _read(text: str) -> tuple[Fraction, str] | None:
    plain = _TEXT.sub(r" \1", text).replace("\\$", "$").replace("\\", "").strip("$ ") if text.count("$") == 2 else (
        _TEXT.sub(r" \1", text).replace("\\", "").strip()
    )  # fmt: skip
    found = _QUANTITY.fullmatch(plain)
    if found is None:
        return None
    sign, currency, number, word = found.groups()
    value = parse_number(f"{sign}{number}")
    unit = currency or word
    if currency and word and word.lower().rstrip("s") not in ("dollar", "usd"):
        return None
    for name in (unit, unit.lower(), unit.lower().removesuffix("s"), unit.lower().removesuffix("es")):
        if value is not None and name in _KIND:
            return value, name
    return None

"""Units of measure with their dimensions: quantities of one dimension are converted exactly, others are not compared."""

import re
from dataclasses import dataclass
from fractions import Fraction

from synth.answers.parsing.typography import CURRENCY_MARK

# name: (dimension, factor to its base unit). Plurals in -s and -es are derived.
_TABLE: dict[str, dict[str, str]] = {
    "length": {"nm": "1e-9", "nanometer": "1e-9", "micrometer": "1e-6", "micron": "1e-6", "mm": "0.001",
               "millimeter": "0.001", "cm": "0.01", "centimeter": "0.01", "dm": "0.1", "decimeter": "0.1", "m": "1",
               "meter": "1", "km": "1000", "kilometer": "1000", "in": "0.0254", "inch": "0.0254", "ft": "0.3048",
               "foot": "0.3048", "feet": "0.3048", "yd": "0.9144", "yard": "0.9144", "mi": "1609.344",
               "mile": "1609.344", "furlong": "201.168", "fathom": "1.8288"},
    "mass": {"mg": "1e-6", "milligram": "1e-6", "g": "0.001", "gram": "0.001", "kg": "1", "kilogram": "1", "kilo": "1",
             "tonne": "1000", "oz": "0.028349523125", "ounce": "0.028349523125", "lb": "0.45359237",
             "lbs": "0.45359237", "pound": "0.45359237"},
    "time": {"ms": "0.001", "millisecond": "0.001", "second": "1", "sec": "1", "s": "1", "minute": "60", "min": "60",
             "hour": "3600", "hr": "3600", "h": "3600", "day": "86400", "week": "604800", "wk": "604800",
             "fortnight": "1209600"},
    "months": {"month": "1", "mo": "1", "quarter-year": "3", "year": "12", "yr": "12", "decade": "120", "century": "1200",
               "centuries": "1200", "millennium": "12000", "millennia": "12000"},
    "volume": {"ml": "1e-6", "milliliter": "1e-6", "cc": "1e-6", "cl": "1e-5", "centiliter": "1e-5", "dl": "1e-4",
               "deciliter": "1e-4", "l": "0.001", "liter": "0.001", "kl": "1", "kiloliter": "1",
               "gallon": "0.003785411784", "gal": "0.003785411784", "quart": "0.000946352946", "qt": "0.000946352946",
               "pint": "0.000473176473", "pt": "0.000473176473", "cup": "0.0002365882365",
               "tablespoon": "0.00001478676478125", "tbsp": "0.00001478676478125",
               "teaspoon": "0.00000492892159375", "tsp": "0.00000492892159375"},
    "area": {"hectare": "10000", "ha": "10000", "acre": "4046.8564224"},
    "dollar": {"$": "1", "dollar": "1", "usd": "1", "buck": "1", "cent": "0.01", "¢": "0.01", "nickel": "0.05",
               "dime": "0.1", "us$": "1"},
    "euro": {"€": "1", "euro": "1", "eur": "1"},
    "sterling": {"£": "1", "gbp": "1", "pence": "0.01", "pounds sterling": "1"},
    "yen": {"¥": "1", "yen": "1", "jpy": "1"},
    "yuan": {"yuan": "1", "rmb": "1", "cny": "1"},
    "rupee": {"₹": "1", "rupee": "1", "inr": "1", "rs": "1", "paise": "0.01"},
    "angle": {"°": "1", "degree": "1", "deg": "1", "arcminute": "1/60"},
    "radian": {"radian": "1", "rad": "1"},
    "celsius": {"celsius": "1", "°c": "1", "centigrade": "1"},
    "fahrenheit": {"fahrenheit": "1", "°f": "1"},
    "kelvin": {"kelvin": "1"},
    "data": {"bit": "1/8", "byte": "1", "kb": "1000", "kilobyte": "1000", "mb": "1000000", "megabyte": "1000000",
             "gb": "1000000000", "gigabyte": "1000000000", "tb": "1000000000000", "terabyte": "1000000000000"},
    "unit": {"unit": "1"},
    "force": {"newton": "1"}, "energy": {"joule": "1", "kj": "1000", "kilojoule": "1000"},
    "power": {"watt": "1", "kw": "1000", "kilowatt": "1000"}, "frequency": {"hz": "1", "hertz": "1", "khz": "1000"},
}  # fmt: skip
_DERIVED = {"mph": "mile/hour", "kph": "km/hour", "kmh": "km/hour", "kmph": "km/hour", "mps": "m/s", "fps": "ft/s",
            "sqft": "ft^2", "sqm": "m^2", "sqcm": "cm^2", "sqkm": "km^2", "mpg": "mile/gallon", "litre": "liter"}  # fmt: skip
_MONEY = frozenset({"dollar", "euro", "sterling", "yen", "yuan", "rupee"})

Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts.

    Attributes:
        dimensions: Base dimensions with their powers, sorted.
        factor: How many base units one of it is.
        symbol: Whether it was written as a single letter, which may also be a variable.
    """

    dimensions: Dimensions
    factor: Fraction = Fraction(1)
    symbol: bool = False

    @property
    def money(self) -> bool:
        """Whether it is an amount of one currency."""
        return len(self.dimensions) == 1 and self.dimensions[0][0] in _MONEY


def _simple(name: str) -> tuple[str, Fraction] | None:
    """The unit of that name, in the singular or plural, in American or British spelling."""
    american = name.replace("metre", "meter").replace("litre", "liter")
    for candidate in (name, american, american.removesuffix("s"), american.removesuffix("es")):
        if candidate in _UNITS:
            return _UNITS[candidate]
    return None


_UNITS = {name: (kind, Fraction(factor)) for kind, units in _TABLE.items() for name, factor in units.items()}
_PIECE = re.compile(
    r"\s*(?P<qualifier>(?:square|sq\.?|cubic|cu\.?)\s+)?(?P<name>us\$|°\s*[cf](?![a-z])|[a-z]+|[$€£¥₹¢°])\.?"
    r"\s*(?:\^\s*\{?\s*(?P<power>-?[1-4])\s*\}?|(?P<word>\s+(?:squared|cubed))|(?P<glued>[23])(?!\d))?"
)
_JOINT = re.compile(r"\s*(?P<per>/|per\b|an?\b|each\b|every\b)?\s*(?P<times>[*-])?\s*")
_TEMPERATURE = re.compile(r"(?:degrees?|deg\.?|°)\s*(celsius|fahrenheit|c|f|kelvin|k)\b\.?", re.IGNORECASE)
_TEMPERATURES = {"c": "celsius", "f": "fahrenheit", "k": "kelvin"}


def parse_unit(text: str) -> Unit | None:
    """Read a unit such as `km/h`, `square meters`, `m/s^2` or `dollars per hour`; None when a part is not known."""
    text = text.strip().replace(CURRENCY_MARK, "$").casefold()
    if not text or len(text) > 60:
        return None
    if text in _DERIVED:
        return parse_unit(_DERIVED[text])
    text = _TEMPERATURE.sub(lambda match: _TEMPERATURES.get(match[1], match[1]), text)
    powers: dict[str, int] = {}
    factor = Fraction(1)
    symbol = False
    position, sign = 0, 1
    while position < len(text):
        if position:
            joint = _JOINT.match(text, position)
            if joint is None or (joint.end() == position and not text[position - 1].isspace()):
                return None
            if joint["per"]:
                sign = -1
            elif not joint["times"]:
                return _money_twice(text, position, powers, factor)
            position = joint.end()
        piece = _PIECE.match(text, position)
        if piece is None:
            return None
        name = piece["name"].replace(" ", "")
        if name in _DERIVED and not powers and piece.end() == len(text):
            return parse_unit(_DERIVED[name])
        unit = _simple(name)
        if unit is None:
            return None
        symbol = symbol or (len(name) == 1 and name.isalpha())
        power = _power(piece) * sign
        kind, size = unit
        kind, power = {"volume": ("length", 3 * power), "area": ("length", 2 * power)}.get(kind, (kind, power))
        powers[kind] = powers.get(kind, 0) + power
        factor *= size ** (_power(piece) * sign)
        position = piece.end()
    return Unit(tuple(sorted((kind, power) for kind, power in powers.items() if power)), factor, symbol)


def _power(piece: re.Match[str]) -> int:
    if piece["qualifier"]:
        return 2 if piece["qualifier"].startswith("s") else 3
    if piece["word"]:
        return 2 if "squared" in piece["word"] else 3
    return int(piece["power"] or piece["glued"] or 1)


def _money_twice(text: str, position: int, powers: dict[str, int], factor: Fraction) -> Unit | None:
    """A currency that is named before and behind a number, `$5 USD`, counts once."""
    rest = parse_unit(text[position:])
    same = rest is not None and rest.dimensions == tuple(powers.items()) and rest.money and rest.factor == factor
    return rest if same else None


def convert(value: Fraction, unit: Unit, into: Unit) -> Fraction | None:
    """Return the value in another unit; None when no exact conversion is known."""
    if unit.dimensions == into.dimensions:
        return value * unit.factor / into.factor
    if len(unit.dimensions) == len(into.dimensions) == 1:
        kelvin = {
            "celsius": value + Fraction(27315, 100),
            "fahrenheit": (value + Fraction(45967, 100)) * Fraction(5, 9),
            "kelvin": value,
        }.get(unit.dimensions[0][0])
        if kelvin is not None:
            return {
                "celsius": kelvin - Fraction(27315, 100),
                "fahrenheit": kelvin * Fraction(9, 5) - Fraction(45967, 100),
                "kelvin": kelvin,
            }.get(into.dimensions[0][0])
    return None


def conversions(unit: Unit) -> frozenset[Fraction]:
    """The factors from a unit of one dimension to other units of that dimension, whole or the inverse of a whole number."""
    if len(unit.dimensions) != 1:
        return frozenset()
    (kind, power), *_ = unit.dimensions
    names = {"length": {1: ("length",), 2: ("area",), 3: ("volume",)}.get(power, ())}.get(kind, (kind,))
    factors = {unit.factor / (factor**power if other == kind else factor) for factor, other in _factors(names)}
    if kind == "length" and power > 1:
        factors |= {unit.factor / factor**power for factor, _ in _factors(("length",))}
    whole = {factor for factor in factors if factor.numerator == 1 or factor.denominator == 1}
    return frozenset(whole - {Fraction(1)})


def _factors(kinds: tuple[str, ...]) -> list[tuple[Fraction, str]]:
    return [(factor, kind) for kind, factor in _UNITS.values() if kind in kinds]

from fractions import Fraction

import pytest

from synth.answers.parsing.units import conversions, convert, parse_unit


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("kilometres", "km"),
        ("sq. ft", "square feet"),
        ("m2", "square meters"),
        ("cubic centimeters", "ml"),
        ("mph", "miles per hour"),
        ("km/h", "kilometers an hour"),
        ("$", "dollars"),
        ("us$", "usd"),
        ("degrees Celsius", "°C"),
        ("square units", "units^2"),
    ],
)
def test_names_of_one_unit(text, same):
    assert parse_unit(text) is not None
    assert (parse_unit(text).dimensions, parse_unit(text).factor) == (
        parse_unit(same).dimensions,
        parse_unit(same).factor,
    )


@pytest.mark.parametrize("text", ["", "apples", "km apples", "per", "x" * 80])
def test_what_is_no_known_unit(text):
    assert parse_unit(text) is None


@pytest.mark.parametrize(
    ("value", "unit", "into", "expected"),
    [
        (4, "feet", "inches", 48),
        (90, "km/h", "m/s", 25),
        (Fraction(5, 2), "hours", "minutes", 150),
        (1, "square yard", "square feet", 9),
        (212, "fahrenheit", "celsius", 100),
        (0, "celsius", "kelvin", Fraction(27315, 100)),
        (3, "dollars", "cents", 300),
        (3, "dollars", "euros", None),
        (3, "hours", "meters", None),
    ],
)
def test_conversions_are_exact(value, unit, into, expected):
    assert convert(Fraction(value), parse_unit(unit), parse_unit(into)) == expected


def test_a_letter_may_be_a_variable_and_money_is_money():
    assert parse_unit("m").symbol and not parse_unit("meters").symbol
    assert parse_unit("€").money and not parse_unit("hours").money


def test_factors_to_other_units_of_the_dimension():
    assert {Fraction(60), Fraction(3600), Fraction(1, 24)} <= conversions(parse_unit("hour"))
    assert Fraction(144) in conversions(parse_unit("square feet"))
    assert conversions(parse_unit("km/h")) == frozenset()

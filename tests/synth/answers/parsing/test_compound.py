from fractions import Fraction

import pytest

from synth.answers.parsing.compound import read_compound
from synth.answers.parsing.units import parse_unit


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("2 hours 30 minutes", 150, "minute"),
        ("2 hours and 30 minutes", 150, "minute"),
        ("1 hour, 2 minutes and 3 seconds", 3723, "second"),
        ("5 feet 3 inches", 63, "inch"),
        ("5'3\"", 63, "inch"),
        ("3 dollars and 50 cents", 350, "cent"),
        ("two hours and five minutes", 125, "minute"),
        ("3 and a half", Fraction(7, 2), None),
        ("two and three quarters miles", Fraction(11, 4), "mile"),
    ],
)
def test_parts_are_added_in_the_smallest_unit(text, value, unit):
    quantity = read_compound(text)
    assert quantity is not None and quantity.value == value
    assert quantity.unit == (parse_unit(unit) if unit else None)


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "2 hours",
        "30 minutes 2 hours",
        "2 hours 90 minutes",
        "3 apples and 4 pears",
        "2 hours 3 meters",
        "3 and 4",
        "x and a half",
    ],
)
def test_what_is_no_such_quantity(text):
    assert read_compound(text) is None

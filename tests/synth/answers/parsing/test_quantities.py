from fractions import Fraction

import pytest

from synth.answers.parsing.quantities import plus_minus, quantity_of_number, read_quantity
from synth.answers.parsing.units import parse_unit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("-1,234.50", Fraction(-2469, 2)),
        ("$.5", Fraction(1, 2)),
        ("+3", 3),
        ("1,23", None),
        ("5 km", None),
        ("--5", None),
    ],
)
def test_plain_numbers(text, value):
    quantity = quantity_of_number(text)
    assert (quantity.value if quantity else None) == value


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5 km/h", 5, "km/h"),
        ("$5 per hour", 5, "dollars per hour"),
        ("ten dollars", 10, "dollars"),
        ("12 inches tall", 12, "inches"),
        ("5 lakh", 500_000, None),
        ("3 eighths", Fraction(3, 8), None),
        ("two-thirds", Fraction(2, 3), None),
        ("about 5 apples in total", 5, None),
        ("negative 12", -12, None),
        ("31 (20 + 11)", 31, None),
        ("3 (5 + 2)", 21, None),
    ],
)
def test_numbers_with_what_they_count(text, value, unit):
    quantity = read_quantity(text)
    assert quantity is not None and quantity.value == value
    assert quantity.unit == (parse_unit(unit) if unit else None)


def test_percent_groups_and_nouns_are_kept_apart():
    assert read_quantity("25 percent").percent
    assert (read_quantity("5 dozen eggs").value, read_quantity("5 dozen eggs").group) == (5, 12)
    assert read_quantity("5 red apples").nouns == {"red", "apple"}
    assert read_quantity("2m").product is not None and read_quantity("2 m").product is None


@pytest.mark.parametrize("text", ["5 less than x", "5th", "1,5", "apples", "5 or 6", "not 5", "5 times as many"])
def test_what_may_change_the_number_is_not_read(text):
    assert read_quantity(text) is None


def test_a_sign_of_both_is_two_numbers():
    both = plus_minus(read_quantity(r"1 \pm 2"))
    assert [part.value for part in both.parts] == [3, -1]
    assert plus_minus(read_quantity("3")) is None

from fractions import Fraction

import pytest

from synth.answers.algebra.tokens import number_value, prepare, repeating_decimal, tokenise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2x+1", ["2", "x", "+", "1"]),
        (r"\frac{1}{2}", [r"\frac", "{", "1", "}", "{", "2", "}"]),
        ("1,234.5 km", ["1,234.5", "km"]),
        ("12 345", ["12 345"]),
        ("1.5e-3", ["1.5e-3"]),
        ("3 ; 4", ["3"]),
    ],
)
def test_a_text_is_cut_up_to_the_first_strange_sign(text, expected):
    assert [token.text for token in tokenise(text)] == expected


def test_a_decimal_with_dots_is_rounded():
    assert [token.kind for token in tokenise("0.33... + 1")] == ["rounded", "sign", "number"]


def test_fractions_of_single_digits_get_braces_and_crosses_become_products():
    assert prepare(r"\frac12 + \frac3{4}") == r"\frac{1}{2} + \frac{3}{4}"
    assert prepare("2 x 10^3") == "2*10^3"
    assert prepare("2x") == "2x"


def test_values_of_numbers_are_exact():
    assert number_value("1,234.5") == Fraction(2469, 2)
    assert repeating_decimal(r"0.1\overline{6}") == Fraction(1, 6)
    assert repeating_decimal(r".\overline{12}") == Fraction(4, 33)

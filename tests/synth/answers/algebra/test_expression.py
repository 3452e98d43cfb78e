from fractions import Fraction

import pytest

from synth.answers.algebra.exact import constant
from synth.answers.algebra.expression import read_expression, whole_expression


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^3^2", 512),
        ("3(4+1)", 15),
        ("8/2/2", 2),
        (r"\frac12+\frac{3}{4}", Fraction(5, 4)),
        ("2 1/3", Fraction(7, 3)),
        (r"2\frac{1}{3}", Fraction(7, 3)),
        (r"\sqrt{16}", 4),
        (r"\sqrt[3]{27}", 3),
        ("5!", 120),
        (r"\binom{5}{2}", 10),
        (r"\lfloor 7/2 \rfloor", 3),
        ("|3-5|", 2),
        ("gcd(12, 18)", 6),
        ("50% + 1", None),
        ("(50%) + 1", Fraction(3, 2)),
    ],
)
def test_values(text, value):
    tree = whole_expression(text)
    assert (constant(tree) if tree is not None else None) == value


@pytest.mark.parametrize(
    "text", ["", "and", "2 3", "12 apples", "3 1/0", "2 3/2", "x and y", "(1+2", "1" * 70, "(" * 30 + "1" + ")" * 30]
)
def test_what_is_no_expression(text):
    assert whole_expression(text) is None


def test_the_rest_of_a_text_is_given_back():
    read = read_expression("12 apples")
    assert read is not None and (constant(read.tree), read.rest) == (12, "apples")


def test_a_slash_before_a_product_is_ambiguous():
    loose, tight = read_expression("1/2x"), read_expression("1/2x", tight_slash=True)
    assert loose is not None and tight is not None and loose.ambiguous and loose.tree != tight.tree
    assert not read_expression("1/(2x)").ambiguous


def test_letters_are_factors_and_words_are_none():
    assert whole_expression("xyz") == whole_expression("x*y*z")
    assert whole_expression("2ab") == whole_expression("2*a*b")
    assert whole_expression("x_1 + x'") is not None
    assert whole_expression("sin 2x") == whole_expression(r"\sin(2x)")
    assert whole_expression("word") is None

from fractions import Fraction

import pytest

from synth.answers.algebra.exact import NotExactError, constant, exact_function, exact_value
from synth.answers.algebra.expression import whole_expression


def test_a_value_at_a_point_is_a_fraction():
    assert exact_value(whole_expression("x^2/3 - y"), {"x": Fraction(2), "y": Fraction(1)}) == Fraction(1, 3)
    with pytest.raises(KeyError):
        exact_value(whole_expression("x"), {})
    with pytest.raises(ZeroDivisionError):
        exact_value(whole_expression("1/(x-1)"), {"x": Fraction(1)})


@pytest.mark.parametrize("text", [r"\pi", r"\sqrt{2}", "2^{5000}", "200!", "0^0", "2^{1/7}", r"1 \pm 2", "(-8)^{1/3}"])
def test_what_is_no_fraction_or_beyond_the_limits(text):
    with pytest.raises(NotExactError):
        exact_value(whole_expression(text), {})
    assert constant(whole_expression(text)) is None


def test_functions_of_whole_numbers():
    whole = [Fraction(12), Fraction(18)]
    assert [exact_function(name, whole) for name in ("gcd", "lcm", "max", "min")] == [6, 36, 18, 12]
    assert exact_function("ceil", [Fraction(7, 2)]) == 4
    with pytest.raises(NotExactError):
        exact_function("sin", [Fraction(1)])

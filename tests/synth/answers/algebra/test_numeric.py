import math
from fractions import Fraction

import mpmath
import pytest

from synth.answers.algebra.expression import whole_expression
from synth.answers.algebra.numeric import float_value, precise_value, real_value


def test_floats_of_functions_and_constants():
    point = {"x": Fraction(1, 2)}
    assert float_value(whole_expression(r"\sin x + e"), point, math.e) == pytest.approx(math.sin(0.5) + math.e)
    assert float_value(whole_expression(r"\log 100"), {}, 10.0) == pytest.approx(2)
    assert float_value(whole_expression("1/(x-x)"), point, math.e) is None
    assert float_value(whole_expression("x+y"), point, math.e) is None


def test_real_values_leave_out_complex_ones():
    assert real_value(whole_expression("i^2")) == -1
    assert real_value(whole_expression("2i")) is None
    assert real_value(whole_expression("x^2"), {"x": Fraction(3)}) == 9


def test_many_digits_tell_near_numbers_apart():
    with mpmath.workdps(60):
        root = precise_value(whole_expression(r"\sqrt{2}"), {}, math.e, mpmath)
        assert abs(root * root - 2) < mpmath.mpf(10) ** -55
        with pytest.raises(ValueError):
            precise_value(whole_expression("2^{99999}"), {}, math.e, mpmath)

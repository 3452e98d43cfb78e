import pytest

from synth.answers.algebra.expression import whole_expression
from synth.answers.comparing.solutions import differ


@pytest.mark.parametrize(
    ("left", "right", "different"),
    [
        ("x + y - 2", "x - y - 2", True),
        ("x^2 + y^2 - 4", "x^2 + y^2 - 9", True),
        ("x - 2", "x^2 - 9", True),
        ("x - 2", "x + y - 2", True),
        ("x + y - 2", "2x + 2y - 4", False),
        ("(x-1)^2", "x - 1", False),
        ("x^2 + 1", "x^2 + 2", False),
        ("x - 1", "y - 1", False),
        ("x - 1", r"\sqrt{x} - 2", False),
        ("1/x - 1", "x - 2", False),
        ("x - 1", "x - 1.0000000001", False),
    ],
)
def test_a_zero_of_one_where_the_other_has_none(left, right, different):
    first, second = whole_expression(left), whole_expression(right)
    assert differ(first, second) is different and differ(second, first) is different

import pytest

from synth.answers.algebra.expression import whole_expression
from synth.answers.comparing.trees import compare_trees


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        ("2", "4/2", "correct"),
        ("x + x", "2x", "correct"),
        ("x", "y", "wrong"),
        ("x^2", "X^2", "unverifiable"),
        (r"\sqrt{x^2}", "x", "unverifiable"),
    ],
)
def test_expressions(gold, answer, outcome):
    assert compare_trees(whole_expression(gold), whole_expression(answer)) == outcome

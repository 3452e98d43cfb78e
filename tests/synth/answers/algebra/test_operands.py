import pytest

from synth.answers.algebra.expression import whole_expression


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("7", ("n", 7, None)),
        ("0.50", ("n", 0.5, 2)),
        ("x", ("s", "x")),
        ("x_{12}'", ("s", "x_12'")),
        (r"\theta", ("s", r"\theta")),
        (r"\pi", ("c", "pi")),
        ("pi", ("c", "pi")),
        ("e", ("c", "e")),
        (r"\infty", ("c", "inf")),
        (r"\sin^{-1} x", ("f", "arcsin", ("s", "x"))),
        ("sqrt(x)", ("f", "sqrt", ("s", "x"))),
        (r"\log_2 x", ("div", ("f", "ln", ("s", "x")), ("f", "ln", ("n", 2, None)))),
        (r"\{x\}", ("s", "x")),
        ("max(a, b)", ("f", "max", ("s", "a"), ("s", "b"))),
    ],
)
def test_operands(text, tree):
    assert whole_expression(text) == tree

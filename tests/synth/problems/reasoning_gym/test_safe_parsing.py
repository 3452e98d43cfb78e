import pytest

from synth.problems.reasoning_gym.safe_parsing import NotReadError, check_expression


@pytest.mark.parametrize(
    "text", ["58 + 39 - 19", "(1 + 2)*3/4**2", "x**9/2 - X + C", "3*x*atan(x) - 3*log(x**2 + 1)/2 + C", "-1.5"]
)
def test_expressions_are_read(text):
    check_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('ls')", "x.__class__", "(1).real", "1.real", "1 if x else 2", "[1]", "lambda: 1", "x; y", "os",
        "exec(1)", "'a'", "f\"{x}\"", "x_y", "9" * 5000, "1" * 41, "sin.cos", "x\\y", "open(1)", "2x", "x2",
    ],
)  # fmt: skip
def test_programs_are_not(text):
    with pytest.raises(NotReadError):
        check_expression(text)

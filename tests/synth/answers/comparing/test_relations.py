import pytest

from tests.synth.answers.comparing.outcomes import outcome


@pytest.mark.parametrize(
    ("gold", "answer", "letter"),
    [
        ("x = 5", "5", "C"),
        ("x = 5", "y = 5", "W"),
        ("x = 5", "X = 5", "U"),
        ("x = 5", "x = 6", "W"),
        ("f(x) = 2x", "2x", "C"),
        ("f(x) = 2x", "f(x) = 3x", "W"),
        ("f(x) = 2x", "f(t) = 2t", "U"),
        ("(x,y) = (3,2)", "(3,2)", "C"),
        ("y = 2x + 1", "2x - y + 1 = 0", "C"),
        ("y = 2x + 1", "2x - y + 2 = 0", "W"),
        ("x^2 + y^2 = 4", "x^2 + y^2 = 9", "W"),
        ("2 < x", "x > 2", "C"),
        ("x > 2", r"x \ge 2", "W"),
        ("2x < 6", "x < 3", "C"),
        (r"2 < x \le 5", "(2, 5]", "C"),
        (r"2 < x \le 5", "[2, 5]", "W"),
        (r"1 \le |z| \le 3", r"z \in [-3,-1] \cup [1,3]", "C"),
        (r"1 \le |z| \le 3", "[1, 3]", "W"),
        ("|x| < 2", "(-2, 2)", "C"),
        ("|x| < 2", "-2 < x < 2", "C"),
        ("x < 1 or x > 3", r"(-\infty,1) \cup (3,\infty)", "C"),
        ("x < 1 or x > 3", r"(-\infty,1] \cup (3,\infty)", "W"),
        ("x < 1 and x > 3", r"(-\infty,1) \cup (3,\infty)", "U"),
        ("x > 3", "y > 3", "U"),
        ("x + y = 5", "7", "W"),
        (r"(0,1) \cup (2,3)", "(0, 3)", "W"),
        (r"\mathbb{R}", r"(-\infty, \infty)", "C"),
        (r"x \in \mathbb{R}", "all real numbers", "C"),
    ],
)
def test_names_equations_and_inequalities(gold, answer, letter):
    assert outcome(gold, answer) == letter
    assert outcome(answer, gold) == letter

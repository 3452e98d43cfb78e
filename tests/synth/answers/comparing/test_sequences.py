import pytest

from tests.synth.answers.comparing.outcomes import outcome


@pytest.mark.parametrize(
    ("gold", "answer", "letter"),
    [
        ("1, 2, 3", "1, 2, 3", "C"),
        ("1, 2, 3", "3, 2, 1", "U"),
        ("1, 2, 3", "1, 2, 4", "W"),
        ("1, 2", "1", "W"),
        ("1", "1, 2", "U"),
        ("1", "2, 3", "W"),
        ("1", "x = 1, y = 2", "U"),
        ("1", "1, 1.0", "U"),
        ("(1, 2)", "x = 1 and y = 2", "C"),
        ("x = 1, y = 2", "(1, 2)", "C"),
        ("(1, 2)", "x = 1, y = 3", "W"),
        ("(1, 2)", "y = 1, x = 2", "U"),
        (r"\{1, 2, 3\}", r"\{3, 2, 1\}", "C"),
        (r"\{1, 2\}", r"\{1, 1, 2\}", "C"),
        (r"\{1, 2\}", "1, 2", "C"),
        ("(1, 2)", "(2, 1)", "W"),
        ("(1, 2), (3, 4)", "(3, 4), (1, 2)", "C"),
        ("x = 1, y = 2", "y = 2, x = 1", "C"),
        (r"\pm 3", "3, -3", "C"),
        ("[1, 2)", "[1, 2]", "W"),
        (r"(0,1) \cup (2,3)", r"(2,3) \cup (0,1)", "C"),
        ("2:3", "4:6", "U"),
        ("2:3", "3:2", "W"),
        ("2:3", "2 to 3", "C"),
        ("7 R 2", "7 remainder 3", "W"),
        ("1,234, 5", "1234, 5", "C"),
        (r"\emptyset", "no solution", "C"),
        ("no solution", "5", "U"),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{bmatrix} 1 & 2 \end{bmatrix}", "C"),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 & 3 \end{pmatrix}", "W"),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "W"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "(1, 2)", "U"),
        (r"\frac12 \begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 0.5 & 1 \end{pmatrix}", "C"),
    ],
)
def test_several_values(gold, answer, letter):
    assert outcome(gold, answer) == letter

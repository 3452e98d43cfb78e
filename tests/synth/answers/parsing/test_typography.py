import pytest

from synth.answers.parsing.typography import closing, fold, tidy, unwrap, without_spaces


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"$\dfrac12$", r"\frac12"),
        (r"10\,000", "10000"),
        ("1{,}234", "1,234"),
        (r"5\text{ cm}^2", "5 cm ^2"),
        ("５", "5"),
        ("2½", "2 1/2"),
        ("x²", "x^{2}"),
        ("x₁", "x_{1}"),
        ("−3", "-3"),
        (r"45^\circ", "45°"),
        (r"\left( 1, 2 \right)", "( 1, 2 )"),
        (r"x \leq 3", r"x \le 3"),
        (r"3 \pmod 7", "3 (mod 7)"),
        (r"3 \pmod{7}", "3 (mod 7)"),
        (r"50\%", "50%"),
        ("**5**.", "5"),
        (r"\mathbf{7}", "7"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        ("f'", "f'"),
        (r"\begin{align*} x &= 5 \end{align*}", "x = 5"),
    ],
)
def test_layout_is_undone_and_the_value_stays(text, plain):
    assert " ".join(tidy(text).split()) == plain


def test_what_stands_around_an_answer_is_taken_off():
    for text in ("$5$", r"\(5\)", r"\[5\]", "**5**", "`5`", '"5"', r"\boxed{5}", r"$\boxed{5}$"):
        assert unwrap(text) == "5"
    assert unwrap("$5$ and $6$") == "$5$ and $6$"


def test_braces_are_matched():
    assert closing("{a{b}c}d", 0) == 6
    assert closing(r"{a\}b}", 0) == 5
    assert closing("{a", 0) is None


def test_words_and_spaces_are_folded_only_where_nothing_changes():
    assert fold(" The  Answer.") == "answer"
    assert fold("“No”!") == "“no”"
    assert without_spaces("( 1 , 2 )") == "(1,2)"
    assert without_spaces("1 2 x y") == "1 2 x y"

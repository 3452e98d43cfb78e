import pytest

from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Choice, Matrix, Named, Quantity, Relation, Sequence, Union, Words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("$5$", Quantity),
        ("5 km and 30 m", Quantity),
        ("5 apples", Quantity),
        ("5, 6", Sequence),
        ("2 : 3", Sequence),
        ("2 to 3", Sequence),
        (r"1 \pm \sqrt{2}", Sequence),
        ("x = 5", Named),
        ("x + y < 5", Relation),
        (r"(0,1) \cup (2,3)", Union),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", Matrix),
        ("B", Choice),
        ("Evelyn", Words),
        ("", Words),
        ("x" * 2_000, Words),
        ("((((((((5, 6), 7), 8), 9), 1), 2), 3), 4)", Sequence),
    ],
)
def test_a_text_has_one_type(text, kind):
    assert isinstance(read_form(text), kind)


def test_a_label_or_a_sentence_around_one_formula_is_passed_over():
    assert read_form("Total: 5").value == 5
    assert read_form(r"The sum is $\frac{1}{2}$").value == read_form("0.5").value
    assert isinstance(read_form(r"It is not $\frac{1}{2}$"), Words)

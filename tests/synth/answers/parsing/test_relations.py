import pytest

from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Named, Quantity, Relation, Words
from synth.answers.parsing.relations import read_relation


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x = 5", ("x",)),
        ("(x, y) = (3, 2)", ("x", "y")),
        (r"\angle ABC = 60", ("ABC",)),
        ("f(x) = x^2", ("f(x)",)),
        (r"x \in [1, 2)", ("x",)),
        ("A_1 = 7 = 14/2", ("A_1",)),
    ],
)
def test_names_of_values(text, names):
    form = read_relation(text, read_form)
    assert isinstance(form, Named) and form.names == names


@pytest.mark.parametrize(
    ("text", "value"), [("28/4 = 7", 7), ("3 + 4 = 7 = 14/2", 7), (r"= 9", 9), ("the total = 12", 12)]
)
def test_a_chain_is_its_last_member(text, value):
    form = read_relation(text, read_form)
    assert isinstance(form, Quantity) and form.value == value


def test_a_chain_ends_before_it_is_rounded():
    assert read_relation(r"\frac{1}{3} \approx 0.333", read_form).value.denominator == 3


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("x + y = 5", ("=",)),
        ("2 < x", ("<",)),
        (r"2 < x \le 5", ("<", "<=")),
        (r"x \ne 0", ("!=",)),
        ("x = x^2", ("=",)),
    ],
)
def test_equations_and_inequalities(text, signs):
    form = read_relation(text, read_form)
    assert isinstance(form, Relation) and form.signs == signs


def test_other_signs_are_words_and_none_is_none():
    assert isinstance(read_relation(r"x \to 5", read_form), Words)
    assert isinstance(read_relation("this < that thing", read_form), Words)
    assert read_relation("5", read_form) is None and read_relation("(x = 5)", read_form) is None

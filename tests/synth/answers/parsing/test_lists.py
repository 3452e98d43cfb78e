import pytest

from synth.answers.parsing.form import read_form
from synth.answers.parsing.lists import read_bracketed, read_list, read_union, split_list


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1, 2, 3", ["1", "2", "3"]),
        ("1,234", ["1,234"]),
        ("1,234, 5", ["1,234", "5"]),
        ("1, 2 and 3", ["1", "2", "3"]),
        ("(1, 2), (3, 4)", ["(1, 2)", "(3, 4)"]),
        ("x = 1 or x = 2", ["x = 1", "x = 2"]),
        ("0,5", ["0,5"]),
        ("a; b", ["a", "b"]),
    ],
)
def test_texts_are_cut_between_values_and_not_inside_numbers(text, parts):
    assert split_list(text) == parts


def test_lists_of_values_and_solutions():
    assert [part.value for part in read_list("1, 2 and 3", read_form).parts] == [1, 2, 3]
    pairs = read_list("p = 5, q = 2, p = 7, q = 3", read_form)
    assert [[part.value for part in pair.parts] for pair in pairs.parts] == [[5, 2], [7, 3]]
    assert read_list("5", read_form) is None
    assert read_list("5, and so on", read_form) is None


@pytest.mark.parametrize(
    ("text", "kind", "count"),
    [
        ("(1, 2)", "tuple", 2),
        ("(1,100)", "tuple", 2),
        ("[1, 2)", "interval", 2),
        (r"\{1, 2, 3\}", "set", 3),
        (r"\{\pm 2\}", "set", 2),
        (r"\langle 1, 2, 3 \rangle", "tuple", 3),
        (r"\emptyset", "set", 0),
        ("[1, 2, 3]", "tuple", 3),
    ],
)
def test_brackets(text, kind, count):
    form = read_bracketed(text, read_form)
    assert (form.kind, len(form.parts)) == (kind, count)


def test_a_bracket_around_one_value_is_none_and_a_union_has_its_sign():
    assert read_bracketed("(5)", read_form) is None
    assert read_bracketed("(1, 2) + 3", read_form) is None
    assert len(read_union(r"(1, 2) \cup [3, 4]", read_form).parts) == 2
    assert read_union("(1, 2)", read_form) is None

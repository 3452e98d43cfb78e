import pytest
from pydantic import ValidationError

from storage.errors import ProblemError
from synth.problems.mapping import Mapping, clean, render


@pytest.mark.parametrize(
    "fields",
    [
        {"question": "{q.__class__}", "answer": "a"},
        {"question": "{q[0]}", "answer": "a"},
        {"question": "{", "answer": "a"},
        {"question": "{}", "answer": "a"},
        {"question": "q", "answer": "a", "answer_pattern": "("},
        {"question": "q", "answer": "a", "answer_pattern": "x"},
        {"question": "q", "answer": "a", "unknown": "x"},
    ],
)
def test_mappings_are_checked(fields):
    with pytest.raises(ValidationError):
        Mapping(**fields)


@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("q", {"q": " 5 \0"}, "5"),
        ("{a} {b}", {"a": "One.", "b": "Two?"}, "One. Two?"),
        ("{a} {b}", {"a": "There are 2", "b": "How many?"}, "There are 2. How many?"),
        ("{a}, {b}", {"a": 0.5, "b": 3}, "0.5, 3"),
    ],
)
def test_a_template_is_filled_with_cleaned_text(template, row, text):
    assert render(template, row, "line 1", "question") == text


@pytest.mark.parametrize(("value", "message"), [(None, "null"), (True, "bool"), (float("inf"), "inf"), ([], "list")])
def test_what_is_no_text_is_named(value, message):
    with pytest.raises(ProblemError, match=f"line 1: field 'q' is {message}"):
        render("q", {"q": value}, "line 1", "question")
    with pytest.raises(ProblemError, match="no field 'x' for the answer; its fields are q"):
        render("x", {"q": 1}, "line 1", "answer")


def test_text_that_no_table_can_store_is_cleaned():
    assert clean("a\0b \ud800") == "ab \ufffd"
    assert clean("ordinary") == "ordinary"

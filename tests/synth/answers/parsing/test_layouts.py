import pytest

from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Based, Choice, Clock, Date, Sequence, Words
from synth.answers.parsing.layouts import read_layout


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        ("B", Choice, {"letter": "B", "bare": True}),
        ("(b)", Choice, {"letter": "b", "bare": False}),
        ("option C", Choice, {"letter": "C"}),
        ("C) 7", Choice, {"letter": "C", "option": read_form("7")}),
        ("March 5th", Date, {"month": 3, "day": 5, "year": None}),
        ("the 5th of March, 2020", Date, {"month": 3, "day": 5, "year": 2020}),
        ("7:30 a.m.", Clock, {"parts": (7, 30), "half": "a"}),
        ("5 o'clock", Clock, {"parts": (5, 0), "half": ""}),
        ("7 R 2", Sequence, {"kind": "remainder"}),
        ("1011_2", Based, {"digits": "1011", "base": 2}),
        ("7A in base 16", Based, {"digits": "7A", "base": 16}),
        (r"\mathbb{R}", Sequence, {"kind": "tuple", "brackets": "()"}),
        ("no solution", Sequence, {"kind": "set", "parts": ()}),
        ("12-15", Words, {"text": "12-15"}),
        ("3 and 1/4", Words, {"text": "3 and 1/4"}),
    ],
)
def test_layouts(text, kind, fields):
    form = read_layout(text, read_form)
    assert isinstance(form, kind) and {name: getattr(form, name) for name in fields} == fields


@pytest.mark.parametrize("text", ["5", "x = 5", "February 31st or so", "27:90", "A = 5", "word"])
def test_other_texts_have_none(text):
    assert read_layout(text, read_form) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.leaks.wording import JOINTS, NUMBERS, OPERATORS, one_wording, skeleton, without_markup
from filters.text import tokens

WORDS = [*sorted({*NUMBERS, *JOINTS, *OPERATORS}), "7", "3.5", "100", "-", "=", "cat", "dog", "the"]


def wording(text):
    return " ".join(one_wording(tokens(without_markup(text))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-five stamps", "25 stamps"),
        ("two hundred and six", "206"),
        ("one thousand two hundred thirty-four", "1234"),
        ("3 million", "3000000"),
        ("2.5 thousand", "2500"),
        ("two dozen eggs", "24 eggs"),
        ("a hundred", "100"),
        ("five six", "5 6"),
        ("half of the money", "1/2 the money"),
        ("half the money", "1/2 the money"),
        ("50% of the money", "1/2 the money"),
        ("fifty per cent of the money", "1/2 the money"),
        ("0.5 of the money", "1/2 the money"),
        ("three quarters", "3/4"),
        ("a third of it", "1/3 it"),
        ("two and a half cups", "5/2 cups"),
        ("Take \\frac{3}{4} of it", "take 3/4 it"),
        ("16/2 = 8", "16 / 2 = 8"),
        ("8 = 2/4 + 1", "8 = 2 / 4 + 1"),
        ("7 x 6", "7 * 6"),
        ("$7 \\times 6$", "7 * 6"),
        ("7 &times; 6", "7 * 6"),
        ("7 times 6", "7 * 6"),
        ("7 divided by 6", "7 / 6"),
        ("three times a day", "3 times a day"),
        ("solve x plus 5", "solve x plus 5"),
        ("10\\% off", "1/10 off"),
        ("٢٥ ２５ 2\u20605 ২৫", "25 25 25 25"),
        ("sta\u200bmps and soft\u00adware", "stamps and software"),
    ],
)
def test_one_wording(text, expected):
    assert wording(text) == expected


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_a_skeleton_survives_the_wording(words):
    assert skeleton(one_wording(words)) == skeleton(words)


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_the_wording_of_a_wording_has_the_same_words(words):
    assert [word for word in one_wording(words) if word in ("cat", "dog", "the")] == [
        word for word in words if word in ("cat", "dog", "the")
    ]


@given(*[st.lists(st.sampled_from(WORDS), max_size=8)] * 3)
def test_the_skeleton_of_a_run_stands_in_that_of_the_text(before, run, behind):
    inside = skeleton(run, whole=False)
    text = skeleton([*before, *run, *behind])
    assert any(text[at : at + len(inside)] == inside for at in range(len(text) - len(inside) + 1))

from fractions import Fraction

import pytest

from synth.answers.parsing.words import (
    CHANGES,
    FILLERS,
    GROUP_SCALES,
    HEDGES,
    NUMBER_SCALES,
    noun_stems,
    number_in_words,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zero", 0),
        ("twenty-one", 21),
        ("minus five", -5),
        ("two hundred and six", 206),
        ("one million two hundred thousand", 1_200_000),
        ("hundred", 100),
        ("twenty twenty", None),
        ("five and six", None),
        ("no", None),
        ("", None),
    ],
)
def test_numbers_in_words(text, value):
    assert number_in_words(text) == value


def test_scales_and_words_that_change_a_number():
    assert NUMBER_SCALES["lakh"] == 10**5 and NUMBER_SCALES["eighths"] == Fraction(1, 8)
    assert GROUP_SCALES["dozen"] == 12
    assert {"not", "minus", "twice", "percent", "older"} <= CHANGES


def test_hedges_and_fillers_say_nothing():
    assert HEDGES.sub("", "approximately a total of 5") == "5"
    assert FILLERS.sub("", "5 apples altogether") == "5 apples"


def test_nouns_are_compared_by_their_stems():
    assert noun_stems("the red apples") == noun_stems("red apple")
    assert noun_stems("boxes of cherries") == noun_stems("box cherry")
    assert noun_stems("each per the") == frozenset()

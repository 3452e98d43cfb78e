import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.answers.exact import compare, final_answer, normalise
from synth.answers.numbers import MAX_ANSWER, format_number, parse_number
from synth.answers.outcome import Outcome

CASES = json.loads((Path(__file__).parent / "answer_cases.json").read_text(encoding="utf-8"))
FRACTIONS = st.fractions(max_denominator=10**6).filter(lambda value: abs(value) < 10**12)
PIECES = [
    "####",
    "\\boxed{",
    "}",
    "<answer>",
    "</answer>",
    "answer is",
    "A:",
    "**",
    "$",
    "\\frac{",
    "<think>",
    "½",
    "²",
]
NOISE = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=20).map("".join)


@pytest.mark.parametrize(("text", "expected"), CASES["extract"])
def test_extracts_what_is_marked_and_nothing_else(text, expected):
    assert final_answer(text) == expected


@pytest.mark.parametrize(("gold", "answer", "outcome", "reason"), CASES["compare"])
def test_compares_exactly_with_three_outcomes(gold, answer, outcome, reason):
    check = compare(gold, answer)
    assert (check.outcome, check.reason) == (outcome, reason)


@given(NOISE | st.text())
def test_never_raises_on_model_text(text):
    answer = final_answer(text)
    assert answer is None or answer.strip()
    compare("5", answer)
    compare("5", text)
    compare(text, text)
    normalise(text)


@given(FRACTIONS)
def test_numbers_survive_writing_and_reading(value):
    text = format_number(value)
    assert parse_number(text) == value
    assert compare(text, final_answer(f"so\n#### {text}")).outcome is Outcome.CORRECT


@given(FRACTIONS, FRACTIONS)
def test_two_numbers_are_equal_or_not(left, right):
    outcome = compare(format_number(left), format_number(right)).outcome
    assert outcome is (Outcome.CORRECT if left == right else Outcome.WRONG)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_separators_and_currency_change_nothing(value):
    assert compare(str(value), f"{value:,}").outcome is Outcome.CORRECT
    assert compare(str(value), f"${value:,}.00").outcome is Outcome.CORRECT


def test_limits_make_an_answer_unverifiable_not_slow():
    assert compare("5", "9" * 100_000).outcome is Outcome.UNVERIFIABLE
    assert compare("5", "1/" + "3" * 300).outcome is Outcome.UNVERIFIABLE
    assert len(compare("5", "word " * 10_000).answer or "") <= MAX_ANSWER
    assert final_answer("\\boxed{" * 20_000) is None
    assert final_answer("answer is " * 50_000 + "4") == "4"


def test_normal_form_is_exact():
    assert normalise("$1,234.50 dollars") == "1234.5"
    assert normalise("2/6") == "1/3"
    assert normalise("Yes.") == "yes"
    assert format_number(Fraction(-1, 8)) == "-0.125"

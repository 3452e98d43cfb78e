import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.answers.judge import equal_answers, gold_verifies, judge, judge_answer, majority, normalise
from synth.answers.numbers import format_number, parse_number
from synth.answers.outcome import Outcome
from synth.answers.parsing.typography import MAX_ANSWER

CASES = Path(__file__).parent
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
PIECES += [
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "(",
    ")",
    ",",
    "5",
    "x",
    "=",
    "\\sqrt",
    "km/h",
    "%",
    "!",
    "\\le",
    " and ",
]
NOISE = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=20).map("".join)


def rows(name):
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("gold", "answer", "outcome", "reason"), rows("comparing"))
def test_bare_answers_have_three_outcomes(gold, answer, outcome, reason):
    check = judge_answer(gold, answer)
    assert (check.outcome, check.reason) == (outcome, reason)


@pytest.mark.parametrize(("gold", "response", "right"), rows("responses"))
def test_responses_are_judged_as_people_would(gold, response, right):
    assert judge(gold, response).outcome.value[0].upper() in right


def test_no_wrong_answer_is_called_correct():
    wrong = [(case["gold"], case["answer"]) for case in rows("wrong_answers")]
    assert len(wrong) >= 200
    pairs = [pair for case in wrong for pair in (case, case[::-1])]
    assert [pair for pair in pairs if judge_answer(*pair).outcome is Outcome.CORRECT] == []


def test_correct_answers_in_other_words_are_recognised():
    right = [(case["gold"], case["answer"]) for case in rows("correct_answers")]
    outcomes = [judge_answer(*case).outcome for case in right]
    assert len(right) >= 200 and outcomes.count(Outcome.CORRECT) >= 0.95 * len(right)
    assert [case for case, outcome in zip(right, outcomes, strict=True) if outcome is Outcome.WRONG] == []


def test_every_gold_is_its_own_answer_or_undecided():
    for name in ("correct_answers", "wrong_answers"):
        for case in rows(name):
            assert judge_answer(case["gold"], case["gold"]).outcome is not Outcome.WRONG, case["gold"]


@given(NOISE | st.text())
def test_never_raises_on_model_text(text):
    judge("5", text)
    judge_answer(text, text)
    judge_answer("x^2 + 1", text)
    normalise(text)


@given(FRACTIONS)
def test_numbers_survive_writing_and_reading(value):
    text = format_number(value)
    assert parse_number(text) == value
    assert judge(text, f"so\n#### {text}").outcome is Outcome.CORRECT


@given(FRACTIONS, FRACTIONS)
def test_two_numbers_are_never_called_equal_when_they_are_not(left, right):
    outcome = judge_answer(format_number(left), format_number(right)).outcome
    assert (outcome is Outcome.CORRECT) == (left == right)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_separators_and_currency_change_nothing(value):
    assert judge_answer(str(value), f"{value:,}").outcome is Outcome.CORRECT
    assert judge_answer(str(value), f"${value:,}.00").outcome is Outcome.CORRECT


@pytest.mark.slow
def test_limits_make_an_answer_undecided_not_slow():
    assert judge("5", "#### " + "9" * 100_000).outcome is not Outcome.CORRECT
    assert judge_answer("5", "1/" + "3" * 300).outcome is not Outcome.CORRECT
    assert len(judge_answer("5", "word " * 10_000).answer or "") <= MAX_ANSWER
    assert judge("5", "\\boxed{" * 20_000).outcome is Outcome.UNVERIFIABLE
    assert judge("4", "answer is " * 50_000 + "4").outcome is Outcome.CORRECT


def test_a_response_that_does_not_answer_is_wrong_and_one_cut_off_is_undecided():
    assert judge("8", "It depends.").reason == "no_answer"
    assert judge("8", "It depends.").outcome is Outcome.WRONG
    assert judge("11", "So \\boxed{10}, or rather \\boxed{11").reason == "unfinished_answer"
    assert judge("7", "So she has 7.").reason == "unmarked_answer"


def test_options_are_judged_by_letter_or_by_text():
    options = ["3 apples", "5 apples", "7 apples"]
    for response, outcome in (("The answer is (B).", "correct"), ("#### 5 apples", "correct"), ("#### C", "wrong")):
        assert judge("B", response, options=options).outcome == outcome
        assert judge("5 apples", response, options=options).outcome == outcome
    assert judge("B", "#### 6 apples", options=options).outcome is Outcome.UNVERIFIABLE


def test_normal_form_is_exact():
    assert normalise("$1,234.50 dollars") == "1234.5"
    assert normalise("2/6") == "1/3"
    assert normalise("Yes.") == "yes"
    assert format_number(Fraction(-1, 8)) == "-0.125"


def test_golds_verify_against_themselves():
    golds = ["72", "1,200", "-3", "1/3", "yes", "$5", "x = 5", "(x,y)=(3,2)", "5!", "5 km/h", "C", r"x \in [1, 2)"]
    assert [gold for gold in golds if not gold_verifies(gold)] == []
    assert not any(map(gold_verifies, ["", "   ", "x" * 1_000]))
    assert equal_answers("1/2", "0.5") and not equal_answers("1/2", "0.51")


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        (["1/2", "3", "0.5", "3", r"\frac{1}{2}"], ("1/2", 3)),
        (["7", "8"], ("7", 1)),
        ([None, "4", None], ("4", 1)),
        (["4 apples", "5", "4"], ("4 apples", 2)),
        ([None], (None, 0)),
        ([], (None, 0)),
    ],
)
def test_equal_answers_are_votes_for_one(answers, winner):
    assert majority(answers) == winner

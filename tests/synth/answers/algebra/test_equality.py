import pytest

from synth.answers.algebra.equality import equal, ratio
from synth.answers.algebra.exact import constant
from synth.answers.algebra.expression import whole_expression
from synth.answers.judge import judge_answer
from synth.answers.outcome import Outcome
from tests.synth.answers.pairs import pairs


def test_no_pair_that_differs_is_called_correct_and_most_are_decided():
    drawn = list(pairs(400, seed=11))
    outcomes = [judge_answer(gold, answer).outcome for gold, answer, _ in drawn]
    judged = list(zip(drawn, outcomes, strict=True))
    assert [pair for pair, outcome in judged if outcome is Outcome.CORRECT and not pair[2]] == []
    assert [pair for pair, outcome in judged if outcome is Outcome.WRONG and pair[2]] == []
    assert outcomes.count(Outcome.UNVERIFIABLE) <= 0.02 * len(drawn)
    assert 50 < sum(pair[2] for pair in drawn) < 350


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}", True),
        (r"\sin^2 x", r"1-\cos^2 x", True),
        (r"\frac{x^2-1}{x-1}", "x+1", True),
        (r"\sqrt{x^2}", "x", None),
        (r"\ln(x^2)", r"2\ln x", None),
        (r"\log 100", "2", None),
        (r"\sqrt{2}", r"\sqrt{2}+10^{-30}", None),
        (r"\pi", "355/113", False),
        ("2^{0.5}", r"\sqrt{2}", True),
        (r"\infty", "5", False),
        ("10^{10^{10}}", "1", None),
    ],
)
def test_equality_of_expressions(left, right, expected):
    first, second = whole_expression(left), whole_expression(right)
    assert first is not None and second is not None
    assert equal(first, second) is expected and equal(second, first) is expected


def test_constants_and_ratios_are_exact():
    assert constant(whole_expression("7!/5!")) == 42
    assert constant(whole_expression(r"\sqrt{2}")) is None
    assert ratio(whole_expression("2x-4y"), whole_expression("x-2y")) == 2

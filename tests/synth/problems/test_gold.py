import pytest

from synth.problems.gold import BadGoldError, check_gold, check_solution, plain_gold

AGREEING = [
    ("15", "8 + 7 = 15"),
    ("15", "8 + 7 = 15\n#### 15"),
    ("25", "0.50 - 0.25 = 0.25, so it costs a quarter more"),
    ("2", "20 minutes + 100 minutes = 120 minutes"),
    ("3400", "17 000 / 5 = 3 400"),
    ("3", "16 * 2 = 32 feet, which takes three days"),
    ("-5", "3 + 2 = 5 below zero"),
    ("72", "It is clear."),
    ("1/2", "2 + 2 = 4"),
    ("72", "So \\frac{6}{2} = 3"),
    ("17", "8 + 7 = 15\nThe answer is 17."),
]


@pytest.mark.parametrize(("gold", "solution"), AGREEING)
def test_a_solution_that_comes_to_the_gold_answer_or_computes_nothing_agrees(gold, solution):
    check_solution(gold, solution, "x.jsonl, line 1")


@pytest.mark.parametrize(
    ("gold", "solution", "reason"),
    [
        ("17", "8 + 7 = 15", "unreached_by_solution"),
        ("17 apples", "8 + 7 = 15 apples", "unreached_by_solution"),
        ("42", "6 * 4 = 24\nSo the answer is 24.", "contradicts_solution"),
        ("yes", "The answer is no.", "contradicts_solution"),
    ],
)
def test_one_that_comes_to_another_is_named(gold, solution, reason):
    with pytest.raises(BadGoldError, match=r"x\.jsonl, line 1") as error:
        check_solution(gold, solution, "x.jsonl, line 1")
    assert error.value.reason == reason


def test_a_gold_that_is_no_answer_is_named_with_its_field():
    with pytest.raises(BadGoldError, match="field 'a'") as error:
        check_gold("", "line 1", "a")
    assert error.value.reason == "bad_gold"
    check_gold("5 km", "line 1", "a")


def test_plain_numbers_lose_separators_and_everything_else_stands():
    golds = {"1,200 apples": "1200", "0.50": "0.5", "5 cm": "5 cm", "$5": "$5", "x = 5": "x = 5", "50%": "50%"}
    assert {gold: plain_gold(gold) for gold in golds} == golds

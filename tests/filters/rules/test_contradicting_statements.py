import pytest

from tests.filters.helpers import rule_verdict

ASKED = "John buys bags of popcorn for $4 and sells them for $8. 24 of 60 buyers are children. What is his profit on 30 bags?"


def verdict(response, **more):
    return rule_verdict("contradicting_statements", response, ASKED, **{"answer": "120"} | more)


@pytest.mark.parametrize(
    "response",
    [
        "John sells 30 bags of popcorn for $8 each.\nJohn buys 30 bags of popcorn for $4 each.",
        "John buys 30 bags of popcorn for $4 each.\nSo John buys 30 bags of popcorn at $4 each.",
        "He then has 30 bags left in the shop. He then has 10 bags left in the shop.",
        "Travelling at 50 miles per hour, Ann comes first. Travelling at 60 miles per hour, Ben does.",
        "24 out of every 60 buyers come, which is 24 / 60 = 0.4, so 4 out of 10.",
        "He sells 30 * 8 = 240 and pays 30 * 4 = 120.\nHe sells 20 * 8 = 160 and pays 20 * 4 = 80.",
        "He sells 5. He sells 6.",
    ],
)
def test_what_does_not_contradict_itself_passes(response):
    assert verdict(response) == ("pass", None)


def test_one_statement_with_two_numbers_is_refused():
    response = "John buys 30 bags of popcorn at \\$8 each, so he gets 240.\n"
    response += "John buys 30 bags of popcorn for \\$4 each, so he pays 120."
    assert verdict(response) == ("fail", "two_values")
    assert verdict("", kind="stepwise", steps=response.splitlines(), labels=[True, True]) == ("fail", "two_values")
    assert verdict(response, task="puzzle") == ("pass", None)


def test_a_share_that_nobody_calculated_is_refused():
    assert verdict("24 / 60 = 0.4. This means that 3 out of every 60 buyers are children.") == (
        "fail",
        "share_from_nowhere",
    )


def test_a_total_is_no_rate():
    total = "\\(3 \\text{ kg/month} \\times 4 \\text{ months} = 12 \\text{ kg}\\)"
    assert verdict(f"It is {total}.\nAfter losing 12 kg per month he weighs 85 kg.") == ("fail", "total_as_rate")
    assert verdict(f"It is {total}.\nAfter losing 12 kg he weighs 85 kg, 3 kg per month less.") == ("pass", None)
    assert verdict("At 25 miles per hour * 2 = 50 miles per hour he goes 50 miles per hour.") == ("pass", None)


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ("He has 12 bags in total.", "3 + 2 = 5 bags", ("fail", "two_results")),
        ("3 + 9 = 12 bags", "3 + 2 = 5 bags", ("fail", "two_results")),
        ("3 + 2 = 5 bags", "2 + 3 = 5 bags", ("pass", None)),
        ("He has bags.", "3 + 2 = 5 bags", ("pass", None)),
        ("Let x be it, so that x + 3 = 12.", "3 + 2 = 5 bags", ("pass", None)),
    ],
)
def test_steps_under_one_heading_come_to_one_number(first, second, expected):
    heading = "the total number of bags he has:**"
    assert verdict(f"1. **Identify {heading}\n{first}\n2. **Calculate {heading}\n{second}") == expected


def test_a_plan_before_its_steps_has_no_numbers():
    plan = "1. Calculate the number of bags.\n2. Add the bags."
    assert verdict(f"{plan}\nStep 1: Calculate the number of bags.\n3 + 2 = 5") == ("pass", None)

import pytest

from tests.filters.helpers import rule_verdict

ASKED = (
    "Ann has 3 hours. Mathematics takes 45 minutes and English 30 minutes more than that. How many minutes are left?"
)
SUMS = "3 hours are 180 minutes.\n45 + 30 = 75\n45 + 75 = 120\n180 - 120 = 60"


def verdict(response, answer="60", **more):
    return rule_verdict("unfounded_number", response, ASKED, answer=answer, **more)


@pytest.mark.parametrize(
    "response",
    [
        SUMS,
        f"{SUMS}\nSo 120 minutes are spent, and 60 are left.",
        f"Of her 180 minutes two lessons take 45 plus 75 equals 120.\n{SUMS}",
        f"1 hour has 60 minutes and a day 24 hours.\n{SUMS}",
        f"Step 14: this is the 21st lesson at 7:50.\n{SUMS}",
        f"Let x be it, so that x + 77 = 137.\n{SUMS}",
        f"<think>It may be 99.</think>{SUMS}",
        "There are 99 of them.",
        "45 * 2 = 90\n40% of the rest, 60% stay.",
    ],
)
def test_numbers_of_the_problem_and_of_sums_pass(response):
    assert verdict(response) == ("pass", None)


@pytest.mark.parametrize("statement", ["99 minutes are left before that.", "She has $1,300 now."])
def test_a_number_that_nobody_has_is_refused(statement):
    assert verdict(f"{statement}\n{SUMS}") == ("fail", "unfounded_number")
    assert verdict(f"{SUMS}", kind="stepwise", steps=[SUMS, statement], labels=[True, True]) == (
        "fail",
        "unfounded_number",
    )
    assert verdict(f"{statement}\n{SUMS}", task="puzzle") == ("pass", None)


def test_a_time_left_is_no_conversion():
    """60 is everyday where hours and minutes are named, and from nowhere where only minutes are."""
    response = "She has 60 minutes left.\n45 plus 75 equals 120.\nShe has 30 minutes more, as 150 minus 120 equals 30."
    assert verdict(response, answer="30") == ("fail", "unfounded_number")


def test_nothing_is_stated_where_there_is_nothing_of_which_there_is_none():
    assert verdict(f"She has 0 minutes for the evening.\n{SUMS}") == ("fail", "unfounded_number")
    assert verdict(f"45 - 45 = 0 minutes of it are left, so 0 minutes.\n{SUMS}") == ("pass", None)
    asked = f"{ASKED} She does not rest."
    assert rule_verdict("unfounded_number", f"She rests 0 minutes.\n{SUMS}", asked, answer="60") == ("pass", None)

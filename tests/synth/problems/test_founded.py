import pytest

from synth.problems.founded import unfounded_number

PROBLEM = "Randy has 60 mango trees, and 5 less than half as many coconut trees. How many trees has he?"


@pytest.mark.parametrize(
    "solution",
    [
        "60 / 2 = 30\n30 - 5 = 25\n60 + 25 = 85\n#### 85",
        "Half of them are 60 * 0.5 = 30, so there are 60 + 30 - 5 = 85.",
        "60 / 2 - 5 = <<60/2-5=25>>25 and 60 + 25 = 85",
        "In a year of 365 days, 60 * 365 = 21900.",
        "Nothing is calculated here, 90 or not.",
        "",
    ],
)
def test_what_comes_from_the_problem_or_from_a_step_before_is_founded(solution):
    assert unfounded_number(solution, PROBLEM) is None


@pytest.mark.parametrize(
    ("solution", "number"),
    [
        ("A third of them is 90 / 3 = 30.\n30 - 5 = 25\n60 + 25 = 85", "90"),
        ("30 - 5 = 25\n60 / 2 = 30\n60 + 25 = 85", "30"),
        ("In a month of days: 30 - 5 = 25\n60 / 2 = 30\n60 + 25 = 85", None),  # an everyday number, among days
        ("35 - 5 = 30\n60 / 2 = 30", "35"),
        ("60 + 1,200 = 1260", "1200"),
    ],
)
def test_a_number_from_nowhere_is_named(solution, number):
    assert unfounded_number(solution, PROBLEM) == number


def test_what_an_attempt_has_come_to_may_be_gone_on_from():
    assert unfounded_number("77 - 5 = 72", "48 clips", "48 + 29 = 77") is None
    assert unfounded_number("77 - 5 = 72", "48 clips") == "77"


def test_a_share_of_percent_has_its_rest():
    assert unfounded_number("200 * 85 / 100 = 170", "A coat of $200 is 15% cheaper.") is None
    assert unfounded_number("200 * 85 / 100 = 170", "A coat of $200 is 15 dollars cheaper.") == "85"
    assert unfounded_number("20 * 3 = 60", "Twenty bags with three pens") is None

import pytest

from tests.filters.helpers import rule_verdict

ASKED = "She buys 12 flowers, of which 2 are daisies, and 3 boxes of 8 pens. How many flowers are no daisies?"


def verdict(response, **more):
    return rule_verdict("unlike_quantities", response, ASKED, **{"answer": "10"} | more)


@pytest.mark.parametrize(
    "response",
    [
        "\\[12 \\text{ flowers} - 2 \\text{ daisies} = 10 \\text{ flowers}\\]",
        "3 boxes = 24 pens",
        "2 hours = 120 minutes",
        "2 dozens = 24 flowers",
        "5 kg = 11 pounds",
        "2 weeks = 14 days",
        "3 hours = 180 miles",
        "4 * 5 = 20 bunches\n2 flowers = 40 bunches",
        "2 hours + 30 minutes = 150 minutes",
        "2 hours + 30 minutes = 2.5 hours",
        "$5 + 20 cents = $5.20",
        "Day 2 = 12 flowers",
        "2 of the flowers = 12 daisies",
        "2 flowers each = 12 daisies",
        "x = 5 = 6",
    ],
)
def test_what_may_be_equal_passes(response):
    assert verdict(response) == ("pass", None)


@pytest.mark.parametrize(
    "response",
    [
        "\\[\n2 \\text{ daisies} = 12 \\text{ flowers}\n\\]",
        "12 flowers = 10 flowers",
        "3 hours = 120 minutes",
        "10 cups + 16 cups + 8 teaspoons = 34 cups",
        "3 hours + 20 minutes = 23 minutes",
        "5 hours + 10 dollars = 15 dollars",
    ],
)
def test_what_cannot_be_equal_is_refused(response):
    assert verdict(response) == ("fail", "unlike_quantities")
    assert verdict("", kind="stepwise", steps=[response], labels=[True]) == ("fail", "unlike_quantities")
    assert verdict("", kind="stepwise", steps=["12 - 2 = 10", response], labels=[True, False]) == ("pass", None)
    assert verdict(response, task="puzzle") == ("pass", None)


@pytest.mark.parametrize(
    "response",
    [
        "\\[6 \\text{ jaguars} \\times 5 \\text{ snakes per jaguar} = 30 \\text{ beetles per jaguar}\\]",
        "$20/month * 12 months = 240 dollars/month",
        "4 weeks * 3 hours each week = 12 hours per week",
    ],
)
def test_a_rate_times_as_many_units_is_no_rate(response):
    assert verdict(response) == ("fail", "still_a_rate")


@pytest.mark.parametrize(
    "response",
    [
        "6 jaguars * 5 snakes per jaguar = 30 snakes",
        "3 hours/day * 5 days = 15 hours per week",
        "6 snakes per jaguar * 5 birds per snake = 30 birds per jaguar",
        "12 dollars/month * 12 months/year = 144 dollars/year",
    ],
)
def test_a_rate_in_other_units_may_be_one(response):
    assert verdict(response) == ("pass", None)

"""What is called false, and what is only written in another way. Kinds as real models write them."""

import pytest

from synth.problems.equations import equations, false_equation

TRUE = [
    "2 hours + 30 minutes = 150 minutes",
    "1/2 hour + 30 minutes = 1 hour",
    "40 minutes + 60 minutes = 1.67 hours",
    "$1.50 + 50 cents = $2",
    "3 * 25 cents = $0.75",
    "2 dozen + 6 = 30",
    "3 feet + 12 inches = 4 feet",
    "1 km + 500 m = 1500 m",
    "1 kg - 200 g = 800 g",
    "2 thousand + 500 = 2500",
    "45 - 15 = 30 = 1/2 hour",
    "17 / 5 = 3 remainder 2",
    "17 ÷ 5 = 3 with a remainder of 2",
    "10 / 3 ≈ 3",
    "22 / 7 = 3.14 (approximately)",
    "50 + 20% = 60",
    "80 - 25% = 60",
    "1/3 * 100 = 33%",
    "17 / 3 = 5 and 2/3 loads",
    "10 / 3 = 3 dollars and (1/3)",
    "100 / 3 = 33 for each, with 1 remaining",
    "20 / 240 = 8.333 as a percentage",
    "10 am + 4 hours = 2 pm",
    "60 km / 30 min = 120 km/h",
    "5 + 3 = 8\n8 - 2 = 6",
    "<think>5 + 3 = 9</think>\n5 + 3 = 8",
]
FALSE = [
    "30 minutes + 30 minutes = 2 hours",
    "60 minutes + 30 minutes = 1 hour",
    "3 * 25 cents = $0.70",
    "17 / 5 = 4 remainder 2",
    "10 / 3 = 3 remainder 2",
    "10 ÷ 3 = 5 (rounded down)",
    "3 * 4 = 13 (rounded)",
    "2 dozen + 6 = 31",
    "3 hours + 30 minutes = 4 hours",
    "50 * 20% = 12",
    "50 + 20% = 65",
    "17 / 3 = 5 and 1/3",
    "3 days + 4 days = 2 weeks",
    "5 + 3 = 8\n8 - 2 = 7",
    "1. **Add:**\n   5 + 3 = 9",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_is_true_as_it_is_meant_is_not_called_false(text):
    assert false_equation(text) is None


@pytest.mark.parametrize("text", FALSE)
def test_what_is_false_however_it_is_meant_is_found(text):
    assert false_equation(text) is not None


def test_lines_of_a_step_are_read_apart():
    assert [equation.left.text for equation in equations("5 + 3 = 8\n8 - 2 = 6")] == ["5 + 3", "8 - 2"]

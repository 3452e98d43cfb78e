import pytest

from tests.synth.answers.comparing.outcomes import outcome

CASES = [
    ("18", "18.0", "C"),
    ("18", "18 apples", "C"),
    ("5 apples", "5 pears", "U"),
    ("1/3", "0.333", "U"),
    ("1/3", "0.335", "W"),
    ("0.33", "0.34", "W"),
    ("25%", "25", "C"),
    ("25%", "0.25", "U"),
    ("25%", "0.26", "W"),
    ("60", "5 dozen", "C"),
    ("5", "5 dozen", "U"),
    ("6", "5 dozen", "W"),
    ("4 feet", "48 inches", "C"),
    ("4 feet", "47 inches", "W"),
    ("90 mph", "90 km/h", "W"),
    ("5 miles", "8.05 km", "U"),
    ("$8", "£8", "U"),
    ("$5", "$5 per day", "C"),
    ("5", "5 m", "C"),
    ("2 hours", "120", "U"),
    ("5m", "5n", "W"),
    ("2 hours 30 minutes", "2.5 hours", "C"),
    ("2 hours and 30 minutes", "2 hours 45 minutes", "W"),
    ("5 feet 3 inches", "5'3\"", "C"),
    ("45°", r"\frac{\pi}{4}", "U"),
    ("45°", r"\frac{\pi}{3}", "W"),
    ("1/2x", "x/2", "U"),
]


@pytest.mark.parametrize(("gold", "answer", "letter"), CASES)
def test_what_is_counted_and_how_many(gold, answer, letter):
    assert outcome(gold, answer) == letter
    assert outcome(answer, gold) == letter


def test_a_letter_behind_the_answers_number_may_be_a_variable():
    assert (outcome("5", "5m"), outcome("5m", "5")) == ("U", "C")

import pytest

from tests.synth.answers.comparing.outcomes import outcome


@pytest.mark.parametrize(
    ("gold", "answer", "letter"),
    [
        ("101_2", "101 in base 2", "C"),
        ("101_2", "110_2", "W"),
        ("101_2", "5_{10}", "U"),
        ("101_2", "6_{10}", "W"),
        ("101_2", "5", "U"),
        ("101_2", "7", "W"),
        ("7:30 am", "7:30 pm", "W"),
        ("3:30 pm", "15:30", "C"),
        ("3:30 pm", "3:30", "C"),
        ("7:30", "7:31", "W"),
        ("2:30", "2:60", "W"),
        ("March 5", "5 March", "C"),
        ("March 5", "March 5, 2020", "C"),
        ("March 5, 2020", "March 5", "U"),
        ("March 5", "March 6", "W"),
    ],
)
def test_bases_times_and_dates(gold, answer, letter):
    assert outcome(gold, answer) == letter

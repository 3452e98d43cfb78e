import pytest

from tests.synth.answers.comparing.outcomes import outcome


@pytest.mark.parametrize(
    ("gold", "answer", "letter"),
    [
        ("B", "(B)", "C"),
        ("B", "b", "C"),
        ("B", "C", "W"),
        ("B", "(B) 12 cows", "C"),
        ("12 cows", "(B) 12 cows", "C"),
        ("12 cows", "(B) 13 cows", "W"),
        ("G", "g", "U"),
        ("N + 1", "N", "W"),
        ("yes", "Yes!", "C"),
        ("yes", "no", "W"),
        ("odd", "even", "W"),
        ("Evelyn", "evelyn", "C"),
        ("Evelyn", "Tom", "U"),
        ("xy", "yx", "U"),
        ("2xy", "2yx", "C"),
        ("5", "no", "U"),
    ],
)
def test_letters_and_words(gold, answer, letter):
    assert outcome(gold, answer) == letter

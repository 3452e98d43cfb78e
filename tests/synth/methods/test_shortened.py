"""A solution that is the known one with less of it, or written otherwise, is no other approach."""

import pytest

from synth.methods.response_diversification import shortened

IN_WORDS = (
    "She has 180 minutes to do work because 3 times 60 equals 180\n"
    "She has already spent 150 minutes because 45 plus 30 plus 50 plus 25 equals 150.\n"
    "She has 30 minutes to finish it because 180 minus 150 equals 30."
)
PAIRS = "3 * 2 = 6 dollars for the pens\n3 * 4 = 12 dollars for the rulers\n6 + 12 = 18 dollars in all"


@pytest.mark.parametrize(
    ("solution", "known"),
    [
        ("\n".join(IN_WORDS.splitlines()[1:]), IN_WORDS),
        ("After all of it she has 60 minutes left.\n" + "\n".join(IN_WORDS.splitlines()[1:]), IN_WORDS),
        (
            "Half of it is $5000 / 2 = $2500.\nThen $2500 - $1500 = $1000 is left.",
            "1/2*$5000 = $2500\n$2500 - $1500 = $1000",
        ),
        ("2 * 3 + 3 * 4 = 18", PAIRS),
    ],
)
def test_less_of_the_known_solution_is_no_other_way(solution, known):
    assert shortened(solution, known)


@pytest.mark.parametrize(
    ("solution", "known"),
    [("2 + 4 = 6 for a pair\n6 * 3 = 18", PAIRS), ("10 * 2/5 = 4", "10 * 3/5 = 6\n10 - 6 = 4"), ("", PAIRS)],
)
def test_another_calculation_is(solution, known):
    assert not shortened(solution, known)

import itertools

import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import outcomes, row, table

NAMES = ("Zoey", "Oliver", "Michael", "Ethan", "Ava", "Liam", "Mia")
SENTENCE = "Wait, let me check once more whether the number of truck stamps that she bought really is twenty or not."


def judge(text, task="math_word", **more):
    return outcomes(get_filter("repetition")(table(row("s", response=text, task=task, **more)), Context()))["s"]


def search(people: int) -> str:
    """Go through every case of a puzzle."""
    cases = itertools.product(("knight", "knave"), repeat=people)
    return "\n".join(
        "Assume "
        + ", ".join(f"{name} is a {role}" for name, role in zip(NAMES, case, strict=False))
        + f". Then {NAMES[case.count('knave') % people]} would be lying, which is a contradiction."
        for case in cases
    )


def test_ordinary_answers_pass():
    assert judge("5 + 3 = 8\n8 - 2 = 6\n#### 6") == ("pass", None)
    assert judge("") == ("pass", None)


@pytest.mark.parametrize("people", [2, 3, 5, 7])
def test_a_search_passes(people):
    assert judge(search(people), "knights_knaves") == ("pass", None)


@pytest.mark.parametrize("task", ["math_word", "knights_knaves"])
def test_the_same_line_again_and_again(task):
    assert judge("\n".join([SENTENCE] * 4), task) == ("fail", "repeated_line")


def test_the_same_line_between_others():
    assert judge("\n".join(f"{SENTENCE}\nNow {number}." for number in range(8))) == ("fail", "repeated_line")


@pytest.mark.parametrize(("times", "expected"), [(7, ("pass", None)), (8, ("fail", "repeated_ngram"))])
def test_the_same_run_of_words(times, expected):
    assert judge(" ".join(f"{SENTENCE} {number} and so." for number in range(times))) == expected


def test_text_that_compresses_too_well():
    assert judge("\n".join(f"Assume {number % 9} then {number % 7}." for number in range(120))) == (
        "fail",
        "compressible",
    )


def test_the_rejected_half_counts_too():
    assert judge("x", kind="preference", rejected="\n".join(["again"] * 9)) == ("fail", "repeated_line")

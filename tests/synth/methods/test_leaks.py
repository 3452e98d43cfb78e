import pytest

from synth.methods.leaks import mentions_labels, mentions_reference


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("It does not match the reference answer.", True),
        ("The provided solution differs.", True),
        ("I was told that it is 6.", True),
        ("I was given the correct answer, 6.", True),
        ("As we were shown the solution, this is wrong.", True),
        ("I was informed that the attempt is wrong.", True),
        ("The answer that I was given is 6.", True),
        ("The answer key says 6.", True),
        ("We are given 5 apples.", False),
        ("We were given 5 apples, so there are 5.", False),
        ("We are told that she has 5 apples.", False),
        ("We are given that x is 5.", False),
        ("We are given the number of apples.", False),
        ("The given numbers are 5 and 3, and the expected value is 8.", False),
    ],
)
def test_who_was_shown_a_reference_says_so(text, mentions):
    assert mentions_reference(text) is mentions


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("I was told that this step is wrong.", True),
        ("We are given the labels.", True),
        ("As I was told, step 2 is wrong.", True),
        ("The step is labeled as wrong.", True),
        ("Step 1: right. We are given 5 apples.", False),
        ("We are told that the price is 5.", False),
        ("The boxes are labeled with numbers.", False),
    ],
)
def test_who_was_shown_labels_says_so(text, mentions):
    assert mentions_labels(text) is mentions

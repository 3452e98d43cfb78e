from collections import Counter

import pytest

from storage.errors import RecipeError
from synth.choosers import CHOOSERS, get_chooser
from synth.scorers import SCORERS, Candidate, Score


def offer(*pairs):
    """Candidates with a value of `answer` and a length each."""
    candidates = [Candidate("x", str(number)) for number in range(len(pairs))]
    scores = {"answer": [Score(right) for right, _ in pairs], "length": [Score(float(words)) for _, words in pairs]}
    return candidates, scores


@pytest.mark.parametrize("name", CHOOSERS.names())
def test_every_chooser_says_what_it_is_and_is_a_function_of_what_it_is_given(name):
    found = get_chooser(name)
    assert found.name == name and found.summary.endswith(".") and set(found.needs) <= set(SCORERS.names())
    candidates, scores = offer((0.0, 3), (1.0, 9), (1.0, 5), (None, 1))
    needed = {name: scores[name] for name in found.needs}
    assert len({found(candidates, needed, 7) for _ in range(5)}) == 1
    assert found([], {name: [] for name in found.needs}, 7) is None


@pytest.mark.parametrize(
    ("pairs", "first", "shortest"),
    [
        ([(0.0, 3), (1.0, 9), (1.0, 5)], 1, 2),
        ([(1.0, 5), (1.0, 5)], 0, 0),
        ([(None, 1), (0.0, 1)], None, None),  # what cannot be decided is not right
        ([(None, 1), (1.0, 4)], 1, 1),
    ],
)
def test_which_right_one_is_taken(pairs, first, shortest):
    candidates, scores = offer(*pairs)
    assert get_chooser("first_right")(candidates, scores, 0) == first
    assert get_chooser("shortest_right")(candidates, scores, 0) == shortest


def test_the_control_takes_each_about_as_often():
    candidates, scores = offer(*[(0.0, 1)] * 4)
    taken = Counter(get_chooser("random")(candidates, scores, seed) for seed in range(2000))
    assert set(taken) == {0, 1, 2, 3} and min(taken.values()) > 400


def test_an_unknown_one_is_named():
    with pytest.raises(RecipeError, match="unknown chooser 'first_rigth'; did you mean 'first_right'"):
        get_chooser("first_rigth")

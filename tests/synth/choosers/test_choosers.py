from collections import Counter

import pytest

from storage.errors import RecipeError
from synth.choosers import CHOOSERS, Choice, Choosing, get_chooser
from synth.choosers.distinct_right import equation_list
from synth.scorers import SCORERS, Candidate, Score


def offer(*rows, texts=None):
    """Candidates with a value of `answer`, a length and a value of every other scorer each."""
    candidates = [Candidate(texts[number] if texts else f"x {number}", str(number)) for number in range(len(rows))]
    rows = [(*row, 0.0)[:3] for row in rows]
    scores = {
        "answer": [Score(right) for right, _, _ in rows],
        "length": [Score(float(words)) for _, words, _ in rows],
        **{
            name: [Score(other) for _, _, other in rows]
            for name in ("vote", "similarity", "genselect", "rubric", "agreement")
        },
    }
    return candidates, scores


def choose(name, rows, texts=None, **settings):
    return get_chooser(name)(*offer(*rows, texts=texts), Choosing(**{"by": "rubric", **settings}))


@pytest.mark.parametrize("name", CHOOSERS.names())
def test_every_chooser_says_what_it_is_and_is_a_function_of_what_it_is_given(name):
    chooser = get_chooser(name)
    assert chooser.name == name and chooser.summary.endswith(".") and set(chooser.needs) <= set(SCORERS.names())
    candidates, scores = offer((0.0, 3, 0.2), (1.0, 9, 0.6), (1.0, 5, 1.0), (None, 1, None))
    needed = {name: scores[name] for name in (*chooser.needs, *(["rubric"] if chooser.ranks else []))}
    choosing = Choosing(7, "rubric")
    chosen = {chooser(candidates, needed, choosing) for _ in range(5)}
    assert len(chosen) == 1 and (chosen.pop().worse is not None) <= chooser.pairs
    assert chooser([], {name: [] for name in needed}, choosing) == Choice()
    assert get_chooser(chooser.control).pairs == chooser.pairs, "a control takes as many"


@pytest.mark.parametrize(
    ("rows", "first", "shortest"),
    [
        ([(0.0, 3), (1.0, 9), (1.0, 5)], (1,), (2,)),
        ([(1.0, 5), (1.0, 5)], (0,), (0,)),
        ([(None, 1), (0.0, 1)], (), ()),  # what cannot be decided is not right
        ([(None, 1), (1.0, 4)], (1,), (1,)),
    ],
)
def test_which_right_one_is_taken(rows, first, shortest):
    assert choose("first_right", rows).taken == first
    assert choose("shortest_right", rows).taken == shortest


def test_the_shortest_right_one_stands_against_the_longest_right_one():
    rows = [(0.0, 1), (1.0, 90), (1.0, 100), (1.0, 80), (0.0, 200)]
    assert choose("shortest_and_longest", rows, margin=0.1) == Choice((3,), 2)
    assert choose("shortest_and_longest", rows, margin=0.2) == Choice((3,), 2), "80 is shorter than 100 by .2 exactly"
    assert choose("shortest_and_longest", rows, margin=0.3) == Choice((3,)), "not short enough for a pair"
    assert choose("shortest_and_longest", [(1.0, 5), (1.0, 5)]) == Choice((0,)), "none is longer"


def test_best_and_worst_by_a_score():
    rows = [(0, 0, 2.0), (0, 0, None), (0, 0, 5.0), (0, 0, 5.0), (0, 0, 1.0)]
    assert choose("best", rows) == Choice((2,))
    assert choose("best_and_worst", rows) == Choice((2,), 4)
    assert choose("best_and_worst", rows, margin=4.0) == Choice((2,)), "more than the margin"
    assert choose("best_and_worst", [(0, 0, 3.0)] * 3) == Choice((0,)), "ties are dropped"
    assert choose("best", [(0, 0, None)]) == Choice()


def test_length_control_as_worked_by_hand():
    """Smax 5, Smin 2, ρ .32: tiers [4.04, 5] and [2, 2.96]; the shortest of the one, the longest of the other."""
    rows = [(0, 1900, 5.0), (0, 1500, 4.2), (0, 1200, 3.5), (0, 2400, 2.5), (0, 1800, 2.0)]
    assert choose("length_controlled", rows, share=0.32) == Choice((1,), 3)
    assert choose("length_controlled", rows, share=0.0) == Choice((0,), 4), "plain best and worst"
    assert choose("length_controlled", [(0, 3, 1.0), (0, 9, 1.0)], share=0.5).worse is None


@pytest.mark.parametrize(
    ("votes", "share", "taken"),
    [
        ([0.2, 0.6, 0.6, 0.2, 0.6], 0.0, (1,)),
        ([0.2, 0.6, 0.6, 0.2, 0.6], 0.7, ()),
        ([0.5, 0.5, 0.5, 0.5], 0.0, ()),  # two answers with two votes each
        ([0.25, 0.25, 0.5, 0.5], 0.5, (2,)),
        ([0.0, 0.0], 0.0, ()),  # nobody answers
    ],
)
def test_the_majority_with_its_threshold_and_ties(votes, share, taken):
    assert choose("majority", [(0, 0, vote) for vote in votes], share=share).taken == taken


def test_a_majority_stands_against_a_minority():
    assert choose("majority_pair", [(0, 0, vote) for vote in (0.2, 0.6, 0.6, 0.2, 0.6)]) == Choice((1,), 0)
    assert choose("majority_pair", [(0, 0, 1.0)] * 3) == Choice((0,)), "all agree"
    assert choose("majority_pair", [(0, 0, vote) for vote in (0.6, 0.6, 0.6, 0.4, 0.4)], margin=0.5).worse is None


def test_right_ones_that_calculate_otherwise():
    texts = [
        "2 + 3 = 5\n#### 5",
        "We add: 2 + 3 = 5.\n#### 5",
        "3 + 2 = 5\n#### 5",
        "5 * 1 = 5\n#### 5",
        "It is five.\n#### 5",
        "Five.\n#### 5",
    ]
    rows = [(1.0, 3), (1.0, 3), (1.0, 3), (0.0, 3), (1.0, 3), (1.0, 3)]
    assert choose("distinct_right", rows, texts).taken == (0, 2, 4), (
        "the order counts, as in the paper; wrong ones do not"
    )
    assert equation_list("First 2 + 3 = 5 apples.\nThen 5 * 2 = 10 in all.\n#### 10") == ("2+3=5", "5*2=10")


def test_the_least_similar_right_one():
    assert choose("most_diverse", [(1.0, 1, 0.9), (1.0, 1, 0.3), (0.0, 1, 0.1)]).taken == (1,)


def test_the_one_that_was_named():
    assert choose("genselect", [(0, 0, 0.0), (0, 0, 1.0)]).taken == (1,)
    assert choose("genselect", [(0, 0, None), (0, 0, None)]).taken == ()


def test_the_controls_take_each_about_as_often():
    candidates, scores = offer(*[(0.0, 1)] * 4)
    taken = Counter(get_chooser("random")(candidates, scores, Choosing(seed)).taken[0] for seed in range(2000))
    assert set(taken) == {0, 1, 2, 3} and min(taken.values()) > 400
    pairs = [get_chooser("random_pair")(candidates, scores, Choosing(seed)) for seed in range(2000)]
    halves = Counter((choice.taken[0], choice.worse) for choice in pairs)
    assert len(halves) == 12 and all(better != worse for better, worse in halves) and min(halves.values()) > 110
    same = [Candidate("x", "1"), Candidate("x", "2")]
    assert get_chooser("random_pair")(same, {}, Choosing(1)) == Choice(), (
        "there is nothing to learn from two that are equal"
    )


def test_an_unknown_one_is_named():
    with pytest.raises(RecipeError, match="unknown chooser 'first_rigth'; did you mean 'first_right'"):
        get_chooser("first_rigth")


def test_the_answer_with_the_highest_sum_is_taken_by_its_best_candidate():
    texts = ["#### 1", "#### 2", "#### 2.0", "#### 1", "I cannot say"]
    rows = [(0, 0, 0.5), (0, 0, 0.3), (0, 0, 0.4), (0, 0, 0.1), (0, 0, 9.0)]
    assert choose("best_answer", rows, texts).taken == (2,), ".7 for 2 and .6 for 1; who does not answer has no say"
    assert choose("best_answer", rows[-1:], texts[-1:]).taken == ()


def test_what_is_labelled_is_mostly_a_wrong_one_that_looks_right():
    rows = [(1.0, 1, 0.9), (0.0, 1, 0.2), (0.0, 1, 0.8), (None, 1, 0.95), (0.0, 1, None)]
    taken = Counter(choose("convincing", rows, seed=seed).taken for seed in range(2000))
    assert set(taken) == {(2,), (3,)}, "the best of the wrong ones, else the best of the others"
    assert abs(taken[(2,)] / 2000 - 0.8) < 0.036, "four standard deviations"
    assert choose("convincing", [(1.0, 1, 0.1), (1.0, 1, 0.4)]).taken == (1,), "none is wrong"
    assert all(choose("convincing", [(0.0, 1, 0.3)], seed=seed).taken == (0,) for seed in range(20)), (
        "there is no other"
    )

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ProblemError
from synth.answers.outcome import Outcome
from synth.problems.arithmetic import TIERS, Arithmetic, make_problem, values
from synth.problems.tasks.arithmetic import ArithmeticTask

TASK = ArithmeticTask()


def example(start=5, operations=(("+", 3), ("-", 2)), tier=1):
    return make_problem(random.Random(0), start, list(operations), tier=tier, source="arithmetic")


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_gold_verifies_and_values_stay_in_the_tier(tier):
    problems = Arithmetic([tier]).draw(200, seed=3)
    assert len({p.structure for p in problems}) == len({p.id for p in problems}) == 200
    for problem in problems:
        assert TASK.check(problem, problem.solution).outcome is Outcome.CORRECT
        assert TASK.check(problem, f"#### {int(problem.gold) + 1}").outcome is Outcome.WRONG
        review = TASK.review(problem, TASK.solve(problem))
        assert review.first_wrong is None and all(review.labels)
        assert list(review.steps) == problem.attrs["steps"]
        seen = values(problem.attrs["start"], problem.attrs["operations"])
        assert min(seen) >= 0 and max(seen) < TIERS[tier].limit
        assert TIERS[tier].steps[0] <= len(problem.attrs["operations"]) <= TIERS[tier].steps[1]


def test_tiers_do_not_overlap():
    for problem in Arithmetic([2]).draw(500, seed=1):
        assert not TIERS[1].holds(problem.attrs["start"], problem.attrs["operations"])


def test_draws_are_reproducible_prefixes_and_honour_exclude():
    source = Arithmetic([1, 2])
    first = source.draw(100, seed=1)
    assert source.draw(40, seed=1) == first[:40]
    assert source.draw(40, seed=2) != first[:40]
    assert {p.tier for p in first} == {1, 2}
    held_out = frozenset(p.structure_id for p in first)
    assert not held_out & {p.structure_id for p in source.draw(100, seed=1, exclude=held_out)}
    assert {p.tier for p in source.draw(20, seed=1, tier=2)} == {2}


def test_exhausted_source_gives_fewer(monkeypatch):
    monkeypatch.setattr("synth.problems.arithmetic.MISSES_IN_A_ROW", 300)
    monkeypatch.setitem(TIERS, 1, type(TIERS[1])(steps=(1, 1), limit=4, amount=2))
    assert 0 < len(Arithmetic([1]).draw(1000, seed=0)) <= 3 * 4


@pytest.mark.parametrize("tiers", [[], [9]])
def test_unknown_tiers_are_refused(tiers):
    with pytest.raises(ProblemError, match="choose from"):
        Arithmetic(tiers)


CASES = [
    ("5 + 3 = 9\n9 - 2 = 7\n#### 7", 0, "5 + 3 is 8, not 9.", ("5 + 3 = 8", "8 - 2 = 6", "#### 6")),
    ("5 + 3 = 8\n8 - 2 = 5\n#### 5", 1, "8 - 2 is 6, not 5.", ("8 - 2 = 6", "#### 6")),
    ("5 + 3 = 8\n8 + 2 = 10\n#### 10", 1, "the next step is 8 - 2 = 6.", ("8 - 2 = 6", "#### 6")),
    ("5 - 3 = 2\n#### 2", 0, "the next step is 5 + 3 = 8.", ("5 + 3 = 8", "8 - 2 = 6", "#### 6")),
    ("5 + 3 = 8\n#### 8", 1, "the next step is 8 - 2 = 6.", ("8 - 2 = 6", "#### 6")),
    ("5 + 3 = 8\n8 - 2 = 6\n#### 7", 2, "the answer is 6, not 7.", ("#### 6",)),
    ("5 + 3 = 8\n8 - 2 = 6", 2, "the answer is 6.", ("#### 6",)),
    ("5 - 2 = 3\n3 + 3 = 7\n#### 7", 1, "3 + 3 is 6, not 7.", ("3 + 3 = 6", "#### 6")),
    ("", 0, "the next step is 5 + 3 = 8.", ("5 + 3 = 8", "8 - 2 = 6", "#### 6")),
]


@pytest.mark.parametrize(("attempt", "first_wrong", "explanation", "correction"), CASES)
def test_review_finds_the_first_wrong_step(attempt, first_wrong, explanation, correction):
    review = TASK.review(example(), attempt)
    assert (review.first_wrong, review.explanation, review.correction) == (first_wrong, explanation, correction)
    assert [label is True for label in review.labels] == [i < first_wrong for i in range(len(review.steps))]


def test_another_order_is_right_but_not_across_a_multiplication():
    assert TASK.review(example(), "5 - 2 = 3\n3 + 3 = 6\n#### 6").first_wrong is None
    doubled = example(5, [("+", 3), ("*", 2), ("-", 1)], tier=4)
    assert doubled.gold == "15"
    assert TASK.review(doubled, "5 * 2 = 10\n10 + 3 = 13\n#### 13").first_wrong == 0


def test_prose_is_reviewed_by_its_values():
    review = TASK.review(example(), "First she has 5 + 3 = 9 of them.\nThen 9 - 2 = 7 are left.\n#### 7")
    assert review.first_wrong == 0 and review.outcome is Outcome.WRONG


@given(st.text(alphabet=st.one_of(st.sampled_from("0123456789+-=# \n"), st.characters())))
def test_model_text_never_raises(text):
    review = TASK.review(example(), text)
    assert len(review.labels) == len(review.steps)
    assert TASK.check(example(), text).outcome in Outcome


@pytest.mark.parametrize(
    ("attempt", "sure"),
    [
        ("2 + 8 = 10\n#### 10", False),  # both gains taken together: true, and perhaps another way
        ("18 + 2 = 21\n#### 21", True),
        ("18 + 2 = 20\n#### 20", True),  # it stops short
    ],
)
def test_a_true_step_outside_the_derivation_is_not_surely_wrong(attempt, sure):
    review = TASK.review(example(18, (("+", 2), ("+", 8))), attempt)
    assert review.first_wrong is not None and review.sure is sure

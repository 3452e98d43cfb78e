import pytest

from synth.answers.judge import gold_verifies
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from synth.problems.tasks.math_word import MathWord
from synth.problems.wording import canonical_question

TASK = MathWord()
PROBLEM = Problem(
    task="math_word",
    source="test",
    prompt="Nat sold 48 clips in April and half as many in May. How many in all?",
    gold="72",
    structure="nat",
    solution="Nat sold 48/2 = <<48/2=24>>24 clips in May.\nNat sold 48+24 = <<48+24=72>>72 clips in all.",
)


def test_the_worked_solution_is_cleaned_and_correct():
    solution = TASK.solve(PROBLEM)
    assert solution == "Nat sold 48/2 = 24 clips in May.\nNat sold 48+24 = 72 clips in all.\n#### 72"
    assert TASK.check(PROBLEM, solution).outcome is Outcome.CORRECT
    assert TASK.review(PROBLEM, solution).first_wrong is None


def test_without_a_solution_nothing_is_known():
    bare = Problem(task="math_word", source="t", prompt="q", gold="1", structure="q")
    assert TASK.solve(bare) is None and TASK.review(bare, "#### 2") is None
    assert TASK.check(bare, "#### 2").outcome is Outcome.WRONG


def test_review_points_at_the_first_wrong_step():
    review = TASK.review(PROBLEM, "In May she sold 48 / 2 = 24.\nIn all 48 + 24 = 62.\nThe answer is 62.")
    assert (review.first_wrong, review.explanation) == (1, "48 + 24 is 72, not 62.")
    assert review.correction == ("Nat sold 48+24 = 72 clips in all.", "#### 72")


def test_another_right_way_is_right():
    assert TASK.review(PROBLEM, "48 * 1.5 = 72\n#### 72").first_wrong is None


def test_an_attempt_without_equations_is_corrected_from_the_start():
    review = TASK.review(PROBLEM, "It must be a lot.\nMaybe more.")
    assert (review.outcome, review.first_wrong, len(review.correction)) == (Outcome.WRONG, 0, 3)


def test_structure_keeps_numbers_and_forgets_layout():
    same = ["Ann has  1,200 apples.", "ann has 1200 apples", "Ann has 1200 apples!", "“Ann” has 1200 apples…"]
    assert len({canonical_question(text) for text in same}) == 1
    assert canonical_question("She has 2.5 kg.") != canonical_question("She has 25 kg.")
    assert canonical_question("It is -5.") != canonical_question("It is 5.")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What is 12 × 4?", "What is 12 ÷ 4?"),
        ("What is 2² + 1?", "What is 22 + 1?"),
        ("What is 2⁻¹?", "What is 2-1?"),
        ("What is x^2?", "What is x2?"),
        ("Is a ≤ b?", "Is a ≥ b?"),
        ("Is a < b?", "Is a > b?"),
        ("What is √4?", "What is 4?"),
        ("What is |-3| + 2?", "What is (-3) + 2?"),
        ("What is (2+3)*4?", "What is 2+3*4?"),
        ("What is 12 - 4?", "What is 12 4?"),
        ("What is x - y?", "What is x y?"),
        ("What is 5!?", "What is 5?"),
        ("What is 2½?", "What is 21/2?"),
        ("What is f'(2)?", "What is f(2)?"),
        ("How large is A ∪ B?", "How large is A ∩ B?"),
        ("Does p hold?", "Does ¬p hold?"),
        ("Sum the numbers in {1, 2}.", "Sum the numbers in [1, 2]."),
    ],
)
def test_questions_that_differ_in_a_sign_are_different(first: str, second: str):
    assert canonical_question(first) != canonical_question(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What is 7 × 6?", "what is  7 * 6"),
        ("What is 7 − 6?", "What is 7 - 6?"),
        ("A well-known shop (on Main Street) sold it!", "A well known shop on Main Street sold it"),
        ("She paid half (1/2) of it: how much?", "She paid half 1/2 of it, how much?"),
        ("A sale - of 3.", "A sale of 3"),
    ],
)
def test_questions_that_differ_in_punctuation_are_the_same(first: str, second: str):
    assert canonical_question(first) == canonical_question(second)


def test_gold_answers_verify_against_themselves():
    assert all(map(gold_verifies, ["72", "1,200", "-3", "1/3", "yes", "$5"]))
    assert not any(map(gold_verifies, ["", "   ", "x" * 1_000]))


def test_a_true_step_from_elsewhere_is_not_surely_wrong():
    elsewhere = TASK.review(PROBLEM, "48 - 20 = 28\n#### 28")
    false = TASK.review(PROBLEM, "48 / 2 = 20\n#### 68")
    assert (elsewhere.first_wrong, elsewhere.sure) == (0, False)
    assert (false.first_wrong, false.sure) == (0, True)
    assert TASK.review(PROBLEM, "48 * 1.5 = 72\n#### 72").sure

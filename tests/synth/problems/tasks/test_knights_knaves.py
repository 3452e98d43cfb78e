import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ProblemError
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from synth.problems.knights_knaves import KnightsKnaves
from synth.problems.tasks.knights_knaves import KnightsKnavesTask

TASK = KnightsKnavesTask()
NAMES = ["Ann", "Ben"]
# Ann: "Ben is a knave." Ben: "Ann is a knave and Ben is a knight." Only knight, knave fits once Ben also denies it.
PROBLEM = Problem(
    task="knights_knaves",
    source="test",
    prompt="-",
    gold="Ann is a knight, Ben is a knave",
    structure="-",
    tier=2,
    attrs={
        "style": "full",
        "names": NAMES,
        "statements": [["knave", 1], ["and", ["knight", 0], ["knight", 1]]],
        "solution": [True, False],
    },
)


@pytest.mark.parametrize(
    "response",
    [
        "#### Ann is a knight, Ben is a knave",
        "thinking ...\n#### Ben is a knave and Ann is a knight.",
        "<answer> (1) Ann is a knight\n(2) Ben is a knave </answer>",
        "<answer>\n**Ann**: Knight\n**Ben**: Knave\n</answer>",
        "The answer is:\n- Ann is a **knight**\n- Ben is a **knave**",
        "\\boxed{\\text{Ann is a knight, Ben is a knave}}",
        "Final answer: Ann (knight), Ben (knave)",
        "#### Ann is a knight, Ben is a knave\n\nThis works because Ann is a knight.",
        "If Ben is a knight, that fails.\n\nSo Ann is a knight and Ben is a knave.",
        "<think>Ann is a knave, Ben is a knave.</think>\nANN is a Knight, BEN is a Knave.",
        "So:\n\n- Ann is a knight\n- Ben is a knave",
        '#### {"Ann": "knight", "Ben": "knave"}',
        "#### Knights: Ann; Knaves: Ben",
        "<think>Maybe both lie <answer>Ann is a knight, Ben is a knave</answer>",
    ],
)
def test_right_answers_in_many_layouts(response):
    check = TASK.check(PROBLEM, response)
    assert (check.outcome, check.answer) == (Outcome.CORRECT, PROBLEM.gold)


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        ("#### Ann is a knave, Ben is a knight", Outcome.WRONG, "wrong_answer"),
        ("", Outcome.WRONG, "no_answer"),
        ("It cannot be known.", Outcome.WRONG, "no_answer"),
        ("If Ann is a knight, then Ben is a knave.", Outcome.WRONG, "no_answer"),
        ("<think>Ann is a knight, Ben is a knave.", Outcome.WRONG, "no_answer"),
        ("#### Ann is a knight", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### Ann and Ben are knights", Outcome.WRONG, "wrong_answer"),
        ("#### Ann is a knight, Ann is a knave", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### Ann is a knight, Cal is a knave", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### Ann is a knight, Ben is not a knave", Outcome.WRONG, "wrong_answer"),
        ("#### Ann is a knight, Ben is a knave or a knight", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### It is false that Ann is a knight, Ben is a knave", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### The opposite: Ann is a knight, Ben is a knave", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("It is impossible that Ann is a knight and Ben is a knave.", Outcome.WRONG, "no_answer"),
        ("Ann is a knight and Ben is a knave is inconsistent.", Outcome.WRONG, "no_answer"),
        ("Ruled out: Ann is a knight, Ben is a knave.", Outcome.WRONG, "no_answer"),
        ("#### Knights: Ann; Knaves: Cal", Outcome.UNVERIFIABLE, "unparsable_answer"),
        ("#### 5", Outcome.UNVERIFIABLE, "unparsable_answer"),
    ],
)
def test_other_answers(response, outcome, reason):
    check = TASK.check(PROBLEM, response)
    assert (check.outcome, check.reason) == (outcome, reason)


def test_a_gold_answer_alone_is_enough_to_check():
    bare = Problem(task="knights_knaves", source="test", prompt="-", gold=PROBLEM.gold, structure="-")
    for response in ("#### Ann is a knight, Ben is a knave", "#### Ann is a knave, Ben is a knave", "I give up."):
        assert TASK.check(bare, response) == TASK.check(PROBLEM, response)
    with pytest.raises(ProblemError, match="'5' names nobody's role"):
        TASK.check(replace(bare, gold="5"), "#### 5")


@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_worked_solution_has_no_wrong_step(style):
    for problem in KnightsKnaves(people=(2, 3, 6), style=style).draw(40, seed=4):
        review = TASK.review(problem, TASK.solve(problem))
        assert (review.outcome, review.first_wrong) == (Outcome.CORRECT, None), problem.prompt


def test_every_other_assignment_is_wrong_and_a_broken_statement_is_named():
    review = TASK.review(PROBLEM, "Ann is surely a liar.\n#### Ann is a knave, Ben is a knave")
    assert (review.outcome, review.first_wrong) == (Outcome.WRONG, 1)
    assert review.explanation == "Ann cannot be a knave: the claim that Ben is a knave would then be true."
    assert review.correction[-1] == f"#### {PROBLEM.gold}" and TASK.check(PROBLEM, "\n".join(review.correction))


def test_the_first_false_role_is_found_but_not_a_supposition():
    attempt = "Suppose Ann is a knave.\nAnn is a knight.\nSo Ben is a knight.\n#### Ann is a knight, Ben is a knight"
    review = TASK.review(PROBLEM, attempt)
    assert (review.first_wrong, review.labels) == (2, (True, True, False))


def test_compact_verdicts_are_checked_and_the_correction_goes_on_from_there():
    rng = random.Random(1)
    for problem in KnightsKnaves(people=(3,), style="compact").draw(60, seed=8):
        lines = TASK.solve(problem).splitlines()
        broken = rng.randrange(len(lines) - 1)
        supposed, _, verdict = lines[broken].partition(" : ")
        name = problem.attrs["names"][0]
        lines[broken] = f"{supposed} : {f'{name} no' if verdict == 'ok' else 'ok'}"
        review = TASK.review(problem, "\n".join(lines))
        assert review.first_wrong == broken
        assert list(review.correction) == TASK.solve(problem).splitlines()[broken:]


@settings(deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(["Ann", "Ben", " is a ", "knight", "knave", "####", "\n", ",", ":"])).map("".join)
)
def test_never_raises_on_model_text(text):
    check = TASK.check(PROBLEM, text)
    review = TASK.review(PROBLEM, text)
    assert review.outcome is check.outcome and len(review.labels) == len(review.steps)
    if check.outcome is Outcome.CORRECT:
        assert "ann" in text.lower() and "ben" in text.lower()

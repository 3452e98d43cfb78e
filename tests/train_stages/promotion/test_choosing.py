"""maj@k and best@k by hand."""

import pyarrow as pa
import pytest

from train_stages.promotion.choosing import by_score, by_vote, sampled_answers
from train_stages.promotion.evaluate import ROWS

ANSWERS = {
    "a": [("0.5", "correct"), ("1/2", "correct"), ("3", "wrong"), ("4", "wrong")],  # equal answers are one vote
    "b": [("7", "wrong"), ("7", "wrong"), ("8", "correct"), (None, "wrong")],
    "c": [(None, "wrong")] * 4,
}


def evaluation():
    rows = [
        {"problem_id": problem, "task": "t", "tier": 1, "mode": "sampled", "sample_number": number, "response": answer or "",
         "answer": answer, "outcome": outcome}
        for problem, answers in ANSWERS.items() for number, (answer, outcome) in enumerate(answers)
    ]  # fmt: skip
    rows += [{**row, "mode": "greedy"} for row in rows if row["sample_number"] == 0]
    return pa.Table.from_pylist(rows, schema=ROWS).drop_columns(["sample_number"])  # as the lake keeps them


def test_a_vote():
    ((k, share),) = by_vote(evaluation()).values()
    assert k == 4 and share.value == pytest.approx(1 / 3) and share.n == 3


def test_the_highest_score_and_what_has_none():
    scores = {("a", 0): 0.1, ("a", 2): 0.9, ("b", 0): 0.5, ("b", 1): 0.5, ("b", 2): 0.6, ("b", 3): None, ("c", 0): None}
    ((k, share),) = by_score(evaluation(), scores).values()
    assert (k, share.value) == (4, pytest.approx(1 / 3)), "a is lost to a wrong answer, b is won, c has no score"
    assert by_score(evaluation(), {**scores, ("a", 0): 0.9})[("t", 1)][1].value == pytest.approx(2 / 3), (
        "the first of equals"
    )
    assert len(sampled_answers(evaluation())) == 7


def test_nothing_sampled_is_nothing_chosen():
    greedy = evaluation().filter(pa.compute.equal(evaluation()["mode"], "greedy"))
    assert by_vote(greedy) == {} and by_score(greedy, {}) == {}

"""Problems whose answer nobody knows: drawn, never held out, never right or wrong, and labelled by those who say so."""

import json

import pytest
from pydantic import ValidationError

from synth.answers.judge import NO_GOLD
from synth.answers.outcome import Outcome
from synth.methods import get_method
from synth.problems import get_task, open_source
from synth.problems.base import Problem
from synth.problems.holdout import draw_heldout
from synth.problems.mapping import Mapping
from synth.sample import problem_of, problem_row
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run


@pytest.fixture
def unknown(tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [{"text": f"Ann has {n} apples and buys {n + 1} more. How many has she?"} for n in range(3, 9)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_source("file", {"path": str(file), "mapping": {"question": "text"}})


def test_a_source_may_have_none(unknown):
    problems = list(unknown.draw(10, seed=1))
    assert len(problems) == 6 and {(one.gold, one.gold_source) for one in problems} == {("", "none")}
    row = problem_row(problems[0], split="train", night="n")
    assert row["gold_source"] == "none" and problem_of(row) == problems[0]
    with pytest.raises(ValidationError, match="belong to an `answer`"):
        Mapping(question="text", solution="text")


def test_where_it_comes_from():
    assert open_source("arithmetic", {}).draw(1, seed=1)[0].gold_source == "rule"
    assert open_source("knights_knaves", {"people": [3]}).draw(1, seed=1, tier=3)[0].gold_source == "rule"
    assert Problem("math_word", "f", "2 + 2?", "4", "s").gold_source == "data"


@pytest.mark.parametrize(("response", "reason"), [("#### 7", NO_GOLD), ("I cannot say", None), ("#### ", None)])
def test_no_answer_to_it_is_right_and_one_that_is_read_is_not_wrong(unknown, response, reason):
    problem = unknown.draw(1, seed=1)[0]
    check = get_task(problem.task).check(problem, response)
    assert check.outcome is not Outcome.CORRECT
    if reason:
        assert (check.outcome, check.reason, check.answer) == (Outcome.UNVERIFIABLE, NO_GOLD, "7")


def test_it_is_never_held_out(unknown):
    assert draw_heldout(unknown, 4, [1], 1) == []


@pytest.mark.parametrize(("share", "taken"), [(0.0, ["7", "7.0"]), (0.6, [])])
async def test_a_stronger_model_labels_it_where_it_answers_alike(ledger, unknown, share, taken):
    problem = unknown.draw(1, seed=1)[0]
    own, stronger = ["#### 5", "#### 7", "#### 5"], ["#### 7.0", "#### 9", "#### 9"]
    engines = {
        "teacher": Scripted(lambda r: own.pop(0), "small"),
        "student": Scripted(lambda r: stronger.pop(0), "large"),
    }
    method = get_method("candidates")
    params = method.params(samples=3, also=("student",), chooser="agreed", share=share)
    rows, _ = await run(ledger, method, [problem], params, **engines)
    labelled = [row for row in rows if row["notes"].refused is None]
    assert [row["answer"] for row in labelled] == taken[:1]
    for row in labelled:
        assert (row["notes"].label.gold, row["notes"].label.source, row["gold_source"]) == ("7", "model", "model")
        assert row["notes"].label.share == pytest.approx(1 / 3)


async def test_the_vote_labels_it_and_gold_wins_where_there_is_one(ledger, unknown):
    problems = [*unknown.draw(1, seed=1), Problem("math_word", "f", "What is 2 + 2?", "4", "four")]
    answers = {problems[0].id: ["#### 7", "#### 7.0", "#### 9"], problems[1].id: ["#### 5", "#### 5", "#### 4"]}

    def answer(request):
        return answers[request.problem.id].pop(0)

    method = get_method("majority_labels")
    rows, _ = await run(ledger, method, problems, method.params(samples=3), teacher=Scripted(answer))
    labelled = [row for row in rows if row["problem_id"] == problems[0].id and row["notes"].refused is None]
    assert [(row["notes"].label.gold, row["notes"].label.source, row["gold_source"]) for row in labelled] == [
        ("7", "vote", "vote")
    ] * 2
    others = [row for row in rows if row["problem_id"] == problems[1].id]
    assert {(row["notes"].label, row["gold_source"]) for row in others} == {(None, "data")}

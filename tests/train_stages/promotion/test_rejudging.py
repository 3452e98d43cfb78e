"""Outcomes of different judges are never compared: what another one decided is judged again from the kept responses."""

import pyarrow as pa
import pytest

from storage.errors import TrainingError
from storage.lake.lake import Lake, table_of
from storage.models.evaluations import record_evaluation
from storage.workspace import Workspace
from synth.problems import checker_version
from synth.problems.tasks.math_word import MathWord
from synth.sample import problem_row
from tests.filters.helpers import word_problem
from train_stages.promotion.evaluate import ROWS
from train_stages.promotion.rejudging import judged_today, judged_today_in

TODAY = checker_version("math_word")
PROBLEM = word_problem("What is 30 + 1?", "31")


def answer(response, outcome, judge="1", **more):
    return {
        "problem_id": PROBLEM.id, "task": "math_word", "tier": 1, "mode": "greedy", "sample_number": 0, "response": response,
        "finish_reason": "stop", "outcome": outcome, "judge": judge, **more,
    }  # fmt: skip


def judged(*answers):
    rows = judged_today(pa.Table.from_pylist(list(answers), schema=ROWS), {PROBLEM.id: PROBLEM})
    return [(row["outcome"], row["answer"], row["judge"]) for row in rows.to_pylist()]


def test_what_an_older_judge_decided_changes_sides_both_ways():
    assert judged(
        answer("#### 31", "wrong"), answer("#### 30", "correct"), answer("#### 31", "unverifiable", None)
    ) == [
        ("correct", "31", TODAY),
        ("wrong", "30", TODAY),
        ("correct", "31", TODAY),
    ]


def test_what_todays_judge_decided_stays_as_it_is():
    assert judged(answer("#### 30", "correct", TODAY), answer("#### 30", "correct")) == [
        ("correct", None, TODAY),
        ("wrong", "30", TODAY),
    ]


def test_a_checker_of_a_task_has_a_version_of_its_own(monkeypatch):
    monkeypatch.setattr(MathWord, "version", "b", raising=False)
    assert judged(answer("#### 30", "correct", TODAY)) == [("wrong", "30", f"{TODAY}.b")]


@pytest.mark.parametrize("reason", ["error", None], ids=["said", "of an older row"])
def test_a_request_that_failed_is_not_a_wrong_answer(reason):
    failed = answer("", "unverifiable", finish_reason=reason)
    assert judged(failed) == [("unverifiable", None, TODAY)]
    assert judged(answer("", "unverifiable", finish_reason="stop")) == [("wrong", None, TODAY)]


def test_what_cannot_be_judged_again_is_said_with_the_remedy():
    with pytest.raises(
        TrainingError, match=r"2 answers .* judge 1, of unknown version, today's is .*--set train.seed=1"
    ):
        judged(answer(None, "correct"), answer(None, "wrong", None), answer("#### 31", "wrong"))
    gone = {**answer("#### 31", "wrong"), "problem_id": "gone"}
    with pytest.raises(TrainingError, match="their responses are not kept"):
        judged(gone)
    assert judged(answer(None, "correct", TODAY)) == [("correct", None, TODAY)], "there is nothing to judge again"


def test_two_models_compare_by_one_judge(tmp_path):
    from flows.report.compared import compare_checkpoints

    with Lake(Workspace.create(tmp_path / "w")) as lake:
        lake.commit(
            "p", "heldout", {"problems": table_of("problems", [problem_row(PROBLEM, split="heldout", night="n")])}
        )
        for name, judge, outcome in (("a", "1", "wrong"), ("b", TODAY, "correct")):
            rows = pa.Table.from_pylist([answer("#### 31", outcome, judge)], schema=ROWS)
            record_evaluation(lake, f"of {name}", rows, checkpoint_id=name, version="set", night="n")
        overall = compare_checkpoints(lake, "a", "b")[0]
        assert (overall["gained"], overall["lost"]) == (0, 0), "the older judge had called the same answer wrong"
        stored = lake.query("select * exclude (commit_id) from evaluations where checkpoint_id = 'a'")
        assert judged_today_in(lake, stored)["outcome"].to_pylist() == ["correct"]
        assert stored["outcome"].to_pylist() == ["wrong"], "what was decided then stays in the lake"

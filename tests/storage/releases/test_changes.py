"""What is new since the last training, asked of a real lake."""

import pytest

from storage.lake import nights
from storage.lake.lake import table_of
from storage.releases.changes import change_since_training
from storage.releases.making import create_release
from storage.releases.selection import Selection

pytestmark = pytest.mark.slow


def accept(lake, *names: str, method: str = "cot", task: str = "sums", words: int = 2) -> None:
    samples = [
        {"sample_id": name, "problem_id": f"p{name}", "method": method, "task": task, "kind": "sft", "response": name,
         "words": words, "origin": "rule", "source": "s", "night": "n"}
        for name in names
    ]  # fmt: skip
    problems = [{"problem_id": f"p{name}", "split": "train", "license": "MIT"} for name in names]
    verdicts = [{"sample_id": name, "filter": "policy", "outcome": "accepted"} for name in names]
    tables = {"samples": samples, "problems": problems, "verdicts": verdicts}
    lake.commit(f"accept:{names}", "test", {name: table_of(name, rows) for name, rows in tables.items()})


def reject(lake, name: str, reason: str) -> None:
    row = {"sample_id": name, "filter": "policy", "outcome": "rejected", "reason": reason}
    lake.commit(f"reject:{name}", "test", {"verdicts": table_of("verdicts", [row])})


def trained(lake, release: str) -> None:
    nights.finish(lake, f"train/{release}", "n", "r", {"release": release})


def test_nothing_yet_then_everything_is_new(lake):
    assert change_since_training(lake, "set").release is None
    accept(lake, "a", "b")
    create_release(lake, "set", night="n")
    change = change_since_training(lake, "set")
    assert (change.release, change.trained, change.rows, change.new_rows, change.new_words) == ("set@1", None, 2, 2, 4)
    assert change.drift is None and change.disallowed == change.stale == 0


def test_only_what_the_last_training_did_not_have_is_new_and_the_mixture_is_compared(lake):
    accept(lake, "a", "b")
    create_release(lake, "set", night="n")
    trained(lake, "set@1")
    assert change_since_training(lake, "set").new_rows == 0
    accept(lake, "c", "d", method="tutorship", words=5)
    create_release(lake, "set", night="n")
    change = change_since_training(lake, "set")
    assert (change.release, change.trained, change.new_rows, change.new_words) == ("set@2", "set@1", 2, 10)
    assert change.drift == pytest.approx(0.5), "shares (1, 0) before and (1/2, 1/2) now"
    only = change_since_training(lake, "set", [Selection(methods=("cot",), tasks=("sums",))])
    assert (only.rows, only.new_rows, only.drift) == (2, 0, 0.0)
    assert change_since_training(lake, "set", [Selection(tasks=("other",))]).rows == 0
    either = [Selection(tasks=("other",)), Selection("words >= 5")]
    assert change_since_training(lake, "set", either).new_rows == 2, "what one of the plan's stages would read"


def test_rows_that_the_benchmarks_no_longer_allow_are_counted_before_and_after_the_next_release(lake):
    accept(lake, "a", "b", "c")
    create_release(lake, "set", night="n")
    trained(lake, "set@1")
    reject(lake, "a", "decontamination:benchmark")
    reject(lake, "b", "length:too_long")
    change = change_since_training(lake, "set")
    assert (change.disallowed, change.stale) == (1, 1)
    create_release(lake, "set", night="n")
    change = change_since_training(lake, "set")
    assert (change.release, change.rows, change.disallowed, change.stale) == ("set@2", 1, 1, 0)
    trained(lake, "set@2")
    assert change_since_training(lake, "set").disallowed == 0, "a training without them settles it"


def test_a_decision_is_kept_once_per_answer_and_shown(lake):
    decision = {"train": False, "why": "not trained: why", "change": change_since_training(lake, "set").to_json()}
    assert nights.record_decision(lake, "train/n", "n", "r", decision).new
    assert not nights.record_decision(lake, "train/n", "n", "r", decision).new
    nights.record_decision(lake, "train/n", "n", "r", {**decision, "train": True, "why": "x"})
    rows = lake.rows("select night, train, why, new_rows from training_decisions")
    assert rows == [
        {"night": "n", "train": True, "why": "x", "new_rows": 0},
        {"night": "n", "train": False, "why": "not trained: why", "new_rows": 0},
    ]

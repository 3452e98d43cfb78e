"""History judged again: from what is stored, once, and to the end however often it is killed."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from filters.night.rejudge import judging_again
from filters.night.rescan import rescan
from flows.night.night import Night
from flows.night.reverify_history import Request, carry_out, plan_reverify
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import RecipeError
from storage.lake.lake import Lake, table_of
from storage.lake.nights import pin
from storage.releases.checks import verify_release
from storage.releases.making import create_release
from storage.releases.reading import get_release, latest_release
from storage.spreading import here, in_processes
from storage.upkeep.check import run_checks
from storage.workspace import Workspace
from synth.problems import checker_version
from synth.problems.tasks.math_word import MathWord
from tests.flows.conftest import SMALL
from tests.flows.night import older

pytestmark = pytest.mark.slow

TODAY = checker_version("math_word")
EVERY = Request(judging_again(()))


def again(lake, request=EVERY):
    return carry_out(lake, request, lambda line: None, "test")


def accepted(lake):
    return [row["sample_id"] for row in lake.rows("select sample_id from accepted order by 1")]


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """One for all who only look."""
    workspace = Workspace.create(tmp_path_factory.mktemp("older") / "w")
    older.write(workspace)
    with Lake(workspace) as opened:
        yield opened


@pytest.fixture
def lake(workspace):
    older.write(workspace)
    with Lake(workspace) as opened:
        yield opened


def test_the_plan_says_what_would_change_sides_and_writes_nothing(looked_at):
    lake = looked_at
    before = lake.last_seq()
    plan = plan_reverify(lake, EVERY)
    assert lake.last_seq() == before and not plan["nothing"]
    assert plan["filters"] == [{"filter": "answer", "stored": "1", "today": TODAY, "rows": 6}]
    sides = [
        (change["before"], change["after"], change["reason_before"], change["reason"], change["rows"])
        for change in plan["changes"]
    ]
    assert sides == [
        ("accepted", "rejected", None, "answer:wrong_answer", 2),
        ("rejected", "accepted", "answer:wrong_answer", None, 2),
    ]
    shown = plan["changes"][0]["examples"][0]
    assert shown["sample_id"] == "wrong-0" and shown["gold"] == "17" and shown["response"].endswith("#### 18")
    assert plan["releases"] == [{"release_id": "set@1", "rows": 2}]
    assert plan["successors"] == [{"release": "set@1", "rows_out": 2, "rows_in": 2}]
    tainted = [
        (checkpoint["checkpoint_id"], checkpoint["rows"], checkpoint["itself"]) for checkpoint in plan["checkpoints"]
    ]
    assert tainted == [("first", 2, True), ("second", 2, False)]


def test_a_release_with_a_condition_gets_the_rows_that_fit_it(lake):
    for name, condition in (
        ("one", "sample_id like '%-1'"),
        ("plain", "sample_id in ('right-1', 'same-1', 'wrong-1')"),
    ):
        create_release(lake, name, night=None, condition=condition)
    made = {item["release"]: item for item in again(lake)["successors"]}
    for name in ("one", "plain"):
        assert made[f"{name}@1"] == {"release": f"{name}@1", "successor": f"{name}@2", "rows_out": 1, "rows_in": 1}
        assert get_release(lake, f"{name}@2").table()["sample_id"].to_pylist() == ["right-1", "same-1"]


@pytest.mark.slow
def test_rows_change_sides_both_ways_and_a_second_time_there_is_nothing_to_do(either):
    older.write(either)
    with Lake(either) as lake:
        assert accepted(lake) == ["same-0", "same-1", "wrong-0", "wrong-1"]
        done = again(lake)
        assert accepted(lake) == ["right-0", "right-1", "same-0", "same-1"]
        assert done["successors"] == [{"release": "set@1", "successor": "set@2", "rows_out": 2, "rows_in": 2}]
        assert [checkpoint["checkpoint_id"] for checkpoint in done["checkpoints"]] == ["first", "second"]
        successor = get_release(lake, "set@2")
        assert successor.table()["sample_id"].to_pylist() == accepted(lake) and verify_release(lake, successor) == []
        assert successor.manifest["predecessor"] == "set@1" and "answer" in successor.manifest["reverified"]
        verdicts = lake.rows(
            "select version, outcome from verdicts where sample_id = 'right-0' and filter = 'answer' order by 1"
        )
        assert verdicts == [{"version": "1", "outcome": "fail"}, {"version": TODAY, "outcome": "pass"}], "both stand"
        assert lake.rows("select count(distinct sample_id) as n from signatures")[0]["n"] == 2, "later nights see them"
        assert run_checks(lake, only=("commits", "releases")) == {"commits": [], "releases": []}
        seq = lake.last_seq()
        second = again(lake)
        assert second["nothing"] and lake.last_seq() == seq and plan_reverify(lake, EVERY)["nothing"]


@pytest.mark.slow
@pytest.mark.parametrize("commits", [1, 2])
def test_killed_in_the_middle_the_same_goes_on(workspace, commits):
    older.write(workspace)
    command = [sys.executable, "-m", "tests.flows.night.older", str(workspace.root), str(commits)]
    assert subprocess.run(command, capture_output=True, timeout=600).returncode == -signal.SIGKILL
    with Lake(workspace) as lake:
        again(lake)
        assert accepted(lake) == ["right-0", "right-1", "same-0", "same-1"]
        assert latest_release(lake, "set").id == "set@2"
        verdicts_per_row = "select count(*) as n from verdicts where filter = 'answer' group by sample_id"
        assert {row["n"] for row in lake.rows(verdicts_per_row)} == {2}, "nothing was judged twice"
        assert again(lake)["nothing"]


def test_a_checker_that_has_changed_is_a_changed_filter(looked_at, monkeypatch):
    monkeypatch.setattr(MathWord, "version", "b", raising=False)
    plan = plan_reverify(looked_at, EVERY)
    assert plan["filters"] == [{"filter": "answer", "stored": "1", "today": f"{TODAY}.b", "rows": 6}]


def test_only_what_is_chosen_is_judged(looked_at):
    assert plan_reverify(looked_at, Request(judging_again(["length"])))["nothing"]
    one_night = plan_reverify(looked_at, Request(judging_again(()), nights=["2026-01-02"]))
    assert (one_night["rows"], one_night["rejected_now"]) == (3, 1)
    some = plan_reverify(looked_at, Request(judging_again(()), ids=["wrong-0", "same-1"]))
    assert (some["rows"], some["rejected_now"], some["accepted_now"]) == (2, 1, 0)
    with pytest.raises(RecipeError, match=r"--night 2026-01-09: no decided night .* 2026-01-01/r"):
        plan_reverify(looked_at, Request(judging_again(()), nights=["2026-01-09"]))


def test_what_cannot_be_judged_again_is_refused_with_why():
    with pytest.raises(RecipeError, match="near_duplicates: it decides over a whole night"):
        judging_again(["near_duplicates"])
    with pytest.raises(RecipeError, match="rubric: it asks a model"):
        judging_again(["rubric"])
    with pytest.raises(RecipeError, match="did you mean"):
        judging_again(["answers"])


def test_a_row_that_would_come_in_is_no_duplicate_of_another(workspace):
    same = {"right-0": "I count one, then the others: #### 7", "right-1": "I count one, then the others: #### 107"}
    older.write(workspace, responses=same)
    with Lake(workspace) as lake:
        twin = lake.query("select * exclude (commit_id) from samples where sample_id = 'right-0'").to_pylist()[0]
        verdicts = lake.rows("select * exclude (commit_id) from verdicts where sample_id = 'right-0'")
        tables = {
            "samples": table_of("samples", [{**twin, "sample_id": "twin"}]),
            "verdicts": table_of("verdicts", [{**verdict, "sample_id": "twin"} for verdict in verdicts]),
        }
        lake.commit("twin", "curate", tables)
        again(lake)
        assert accepted(lake) == ["right-0", "right-1", "same-0", "same-1"]
        assert lake.rows("select reason from rejected where sample_id = 'twin'") == [
            {"reason": "exact_duplicates:duplicate"}
        ]


def test_what_nobody_has_screened_for_todays_benchmarks_waits_for_the_recipe_that_has_them(lake, ledger, tmp_path):
    (tmp_path / "test.jsonl").write_text(json.dumps({"q": older.question("right", 1), "a": "107"}) + "\n")
    options = {"path": "test.jsonl", "mapping": {"question": "q", "answer": "a"}}
    content = {**SMALL, "name": "r", "benchmarks": [{"name": "test", "kind": "file", "options": options}]}
    night = Night(
        make_recipe(content, folder=tmp_path), "2026-01-03", lake.workspace, lake, ledger, Progress(quiet=True)
    )
    rescan(lake, night.benchmarks)
    plan = plan_reverify(lake, EVERY)
    assert (plan["held_back"], plan["accepted_now"], plan["rejected_now"]) == (2, 0, 2)
    again(lake)
    assert accepted(lake) == ["same-0", "same-1"], "what goes goes"
    assert plan_reverify(lake, EVERY)["held_back"] == 2, "the others wait"
    again(lake, replace(EVERY, night=night))
    assert accepted(lake) == ["right-0", "same-0", "same-1"]
    assert lake.rows("select reason from rejected where sample_id = 'right-1'")[0]["reason"].startswith(
        "decontamination:"
    )


def test_a_release_waits_for_open_alarms(lake):
    about = {"night": older.NIGHTS[1], "method": "cot", "filter": "answer", "rows": 3, "removed": 1, "share": 0.1}
    alarm = {**about, "event": "raised", "reasons": "{}", "examples": []}
    lake.commit("alarm", "alarms", {"alarms": table_of("alarms", [alarm])})
    done = again(lake)
    assert done["successors"] == [] and "nightschool alarms accept 2026-01-02/r" in done["waiting"][0]
    lake.commit("accepted", "alarms", {"alarms": table_of("alarms", [{**alarm, "event": "accepted"}])})
    assert [successor["successor"] for successor in again(lake)["successors"]] == ["set@2"]


def test_a_night_is_judged_by_the_rules_that_it_was_pinned_to_or_is_left(lake):
    kept = {
        "filters": {"length": {"limits": {}, "default": {"most": 3}}},
        "policy": {"cot": {"observe": ["answer"]}},
        "observes": {},
    }
    pin(lake, f"night/{older.NIGHTS[0]}", older.NIGHTS[0], "r", {"rules": kept})
    odd = {
        "sample_id": "same-1",
        "filter": "length",
        "version": "1+abcdef01",
        "outcome": "pass",
        "night": older.NIGHTS[1],
    }
    lake.commit("options", "curate", {"verdicts": table_of("verdicts", [odd])})
    plan = plan_reverify(lake, EVERY)
    assert {changed["filter"]: changed["rows"] for changed in plan["filters"]} == {"answer": 3, "length": 3}
    reasons = {(change["before"], change["after"], change["reason"]) for change in plan["changes"]}
    assert reasons == {("accepted", "rejected", "length:too_long"), ("rejected", "rejected", "length:too_long")}
    (left,) = plan["nights_left"]
    assert (
        left["night"] == older.NIGHTS[1]
        and "those of length are not the defaults" in left["why"]
        and "--recipe" in left["why"]
    )


@pytest.mark.parametrize("part_rows", [1, 2])
def test_in_parts_and_processes_it_is_the_same(lake, monkeypatch, part_rows):
    monkeypatch.setattr("filters.night.rejudge_parts.PART_ROWS", part_rows)
    monkeypatch.setattr("flows.night.reverify_history.ROWS_AT_ONCE", 3)
    batches, lines = [], []

    def dying(work, arguments):
        batches.append([sum(part.rows for part in parts) for _, parts, _ in arguments])
        yield from here(work, arguments[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(lake, replace(EVERY, spread=dying), lines.append, "test")
    assert batches == [[1, 1, 1] if part_rows == 1 else [2, 1]] and len(lines) == 1
    spread = in_processes if part_rows == 2 else here
    done = carry_out(lake, replace(EVERY, spread=spread), lines.append, "test")
    assert done["rows"] == 6 - part_rows, "what was judged is not stale any more"
    assert f"{6 - part_rows} in all" in lines[-2], lines
    assert accepted(lake) == ["right-0", "right-1", "same-0", "same-1"]
    assert done["successors"] == [{"release": "set@1", "successor": "set@2", "rows_out": 2, "rows_in": 2}]

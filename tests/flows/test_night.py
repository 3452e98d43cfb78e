"""Whole nights through the command line, a real Prefect server, a real lake."""

import copy
import json
import signal
import sqlite3
import time
from contextlib import suppress

import pyarrow.parquet as pq
import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL, command_line

DATE = ("--date", "2026-01-01")


def accounts(cli) -> dict:
    """What every method's books say, and that they balance."""
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        funnel = lake.rows("select * from funnel")
        rows = lake.rows("select count(*) as n from commits")[0]["n"]
        duplicates = lake.rows("select sample_id from samples group by all having count(*) > 1")
        calls = lake.rows("select count(*) as n, count(distinct call_id) as ids from calls")[0]
    assert funnel and not duplicates and calls["n"] == calls["ids"]
    for line in funnel:
        assert line["planned"] == line["done"] + line["failed"], line
        assert line["made"] == line["accepted"] + line["rejected"], line
    return {"funnel": funnel, "commits": rows, "calls": calls["n"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, prefect_server):
    """The command line with one finished night, and what that night said."""
    cli = command_line(tmp_path_factory.mktemp("finished"), prefect_server)
    return cli, json.loads(cli("run", cli.recipe(SMALL), *DATE, "--json", "--quiet"))


def test_a_night_ends_in_a_release_that_datasets_opens(finished):
    cli, result = finished
    night = result["night"]
    assert night["release"] == "small@1" and night["release_rows"] == 60 and result["train"] is None
    books = accounts(cli)
    assert books["funnel"][0]["planned"] == 60 and books["calls"] == 60

    folder = cli.workspace / "releases" / "small" / "1"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"] == 60 and manifest["by_origin"] == {"rule": 60}
    import datasets

    opened = datasets.load_dataset(
        "parquet", data_dir=str(folder / "data"), split="train", cache_dir=str(cli.folder / "cache")
    )
    assert opened.num_rows == 60 and opened[0]["messages"][0]["role"] == "user"
    assert sum(pq.read_table(path).num_rows for path in (folder / "data").glob("*.parquet")) == 60

    table = json.loads(cli("sql", "select method, count(*) as n from accepted group by all", "--json"))
    assert table == [{"method": "cot", "n": 60}]
    assert cli("sql", "select method, count(*) as n from accepted group by all", "--csv").split() == [
        "method,n",
        "cot,60",
    ]

    again = json.loads(cli("run", cli.recipe(SMALL), *DATE, "--json", "--quiet"))
    assert again["night"]["again"] is True
    assert accounts(cli) == books, "a second run must make no call and add no row"


def test_nothing_held_out_is_ever_taught(finished):
    cli, _ = finished
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        splits = lake.rows(
            "select split, count(*) as n, count(distinct structure_id) as s from problems group by all order by all"
        )
        shared = lake.rows(
            "select structure_id from problems group by all having count(distinct split) > 1 union all "
            "select prompt from problems group by all having count(distinct split) > 1"
        )
    assert [(row["split"], row["n"], row["s"]) for row in splits] == [
        ("heldout", 20, 20),
        ("train", 60, 60),
        ("validation", 10, 10),
    ]
    assert shared == []


def test_a_recipe_changed_in_the_middle_of_a_night_stops_with_a_sentence(finished):
    cli, _ = finished
    changed = copy.deepcopy(SMALL)
    changed["problems"]["limit"] = 61
    message = cli("run", cli.recipe(changed), *DATE, "--quiet", code=1)
    assert "2026-01-01/small was started with other recipe.problems" in message and "--repin" in message
    assert "--date" in message


def test_a_release_is_exported_in_the_shapes_that_trainers_read(finished):
    cli, _ = finished
    target = cli.folder / "out" / "rows.jsonl"
    assert "60 rows written" in cli("release", "export", "small", target)
    first = json.loads(target.read_text().splitlines()[0])
    assert list(first) == ["messages"] and [turn["role"] for turn in first["messages"]] == ["user", "assistant"]
    assert "60 rows" in cli("release", "export", "small@1", cli.folder / "p.parquet", "--shape", "prompt_completion")
    assert "did you mean 'messages'" in cli(
        "release", "export", "small", cli.folder / "x.jsonl", "--shape", "mesages", code=1
    )
    assert "exists already" in cli("release", "export", "small", target, code=1)
    assert "no row in the shape preference" in cli(
        "release", "export", "small", cli.folder / "y.jsonl", "--shape", "preference", code=1
    )


def test_a_second_night_has_new_problems_and_the_release_grows(finished):
    cli, _ = finished
    result = json.loads(cli("run", cli.recipe(SMALL), "--date", "2026-01-02", "--json", "--quiet"))
    assert result["night"]["release"] == "small@2" and result["night"]["release_rows"] == 120


def test_kill_9_at_three_moments_and_the_same_command_again(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 400
    content["methods"].append({"method": "gold"})
    recipe = cli.recipe(content)
    ledger = cli.workspace / "ledger.sqlite"
    for when in (0.1, 0.5, 0.9):
        process = cli.start("run", recipe, *DATE, "--quiet")
        deadline = time.monotonic() + 120
        seen = 0
        while seen < when * 400 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
            with suppress(sqlite3.OperationalError), sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as reader:
                seen = reader.execute("select count(*) from calls").fetchone()[0]
        process.send_signal(signal.SIGKILL)
        process.wait()
    cli("run", recipe, *DATE, "--quiet")
    books = accounts(cli)
    assert {line["method"]: line["done"] for line in books["funnel"]} == {"cot": 400, "gold": 400}
    with sqlite3.connect(ledger) as reader:
        calls = reader.execute("select count(*) from calls").fetchone()[0]
    assert calls == books["calls"] == 400, "every call is in the ledger and in the lake, once"


def test_a_budget_ends_in_an_honest_partial_release(cli):
    content = {**copy.deepcopy(SMALL), "budget": {"calls": 25}}
    night = json.loads(cli("run", cli.recipe(content), *DATE, "--json", "--quiet"))["night"]
    line = night["funnel"][0]
    assert (line["planned"], line["done"], line["failed"]) == (60, 25, 35)
    assert night["release_rows"] == 25 and "budget.calls of 25" in night["budget"]
    assert {row["reason"] for row in night["reasons"]} == {"budget"}


def test_two_processes_do_not_run_one_night_at_once(cli):
    recipe = cli.recipe(SMALL)
    workspace = Workspace.create(cli.workspace)
    with workspace.lock("night-2026-01-01-small"):
        assert "held by another process" in cli("run", recipe, *DATE, "--quiet", code=1)


def test_a_condition_that_no_release_could_be_made_by_stops_the_night_before_it_begins(cli):
    recipe = cli.recipe({**copy.deepcopy(SMALL), "where": "wrods > 3"})
    for command in (("plan", recipe), ("run", recipe, *DATE, "--quiet")):
        message = cli(*command, code=1)
        assert "where = 'wrods > 3'" in message and '"words"' in message, "the nearest columns are named"
    for key, named in (("filters.length.fewest", "limits"), ("policy.cot.obseve", "observe"), ("alarms.shre", "share")):
        assert named in cli("plan", recipe, "--set", "where=", "--set", f"{key}=3", code=1), "the nearest key is named"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert lake.rows("select * from attempts") == []


def test_a_filter_that_removes_too_much_stops_the_release_until_someone_accepts(cli):
    content = {
        **copy.deepcopy(SMALL),
        "filters": {"length": {"limits": {"arithmetic": {"least": 1_000, "most": 2_000}}}},
    }
    recipe = cli.recipe(content)
    message = cli("run", recipe, *DATE, "--quiet", code=1)
    assert "length removed 60 of 60 rows of cot (too_short 60)" in message and "nightschool why" in message
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert lake.rows("select * from releases") == lake.rows("select * from runs where event = 'finished'") == []
    before = accounts(cli)
    assert "length removed 60" in cli("run", recipe, *DATE, "--quiet", code=1)
    assert accounts(cli) == before, "trying again changes nothing"
    assert "accepted: length removed 60" in cli("alarms", "accept", "2026-01-01/small", "--because", "a test")
    night = json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))["night"]
    assert night["release"] is None and night["funnel"][0]["rejected"] == 60
    (alarm,) = json.loads(cli("alarms", "list", "--json"))
    assert (alarm["method"], alarm["removed"], alarm["note"]) == ("cot", 60, "a test")


def test_too_many_failures_end_the_night_early_and_everything_is_kept(cli):
    content = copy.deepcopy(SMALL)
    content["methods"] = [{"method": "cot"}, {"method": "response_diversification"}]
    content["budget"] = {"failures": 0.3}
    recipe = cli.recipe(content)
    message = cli("run", recipe, *DATE, "--quiet", code=1)
    assert "the night stopped early" in message and "response_diversification unknown_act" in message, message
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        kept = lake.rows("select count(*) as n from samples")[0]["n"]
        assert kept > 0 and lake.rows("select * from releases") == []
        failed = lake.rows("select count(*) as n from attempts where reason = 'unknown_act'")[0]["n"]
    content["budget"] = {"failures": 1}
    night = json.loads(cli("run", cli.recipe(content), *DATE, "--json", "--quiet", "--repin"))["night"]
    assert night["release_rows"] >= kept and 0 < failed <= 60
    if failed < 60:  # a slow machine may have come to all of them before it stopped
        assert f"{60 - failed} of " in night["failures"] and "unknown_act" in night["failures"]
    accounts(cli)


COLUMNS = {
    "attempts": "night, method, problem_id, status, samples, shard",
    "samples": "sample_id, night, response, messages, parents",
    "verdicts": "sample_id, filter, outcome, reason",
    "problems": "problem_id, split, night",
    "releases": "release_id, rows, content_hash",
}


def all_rows(workspace) -> dict:
    with Lake(Workspace.open(workspace), read_only=True) as lake:
        return {name: lake.rows(f"select {what} from {name} order by all") for name, what in COLUMNS.items()}


def test_nights_on_time_made_up_for_and_run_again_leave_the_same_rows(cli):
    recipe, other = cli.recipe(SMALL), cli.folder / "late"
    cli("run", recipe, "--since", "2026-01-01", "--date", "2026-01-02", "--quiet")
    on_time = all_rows(cli.workspace)
    assert [row["release_id"] for row in on_time["releases"]] == ["small@1", "small@2"]
    assert json.loads(cli("run", recipe, "--date", "2026-01-01", "--quiet", "--json"))["night"]["again"]
    assert all_rows(cli.workspace) == on_time, "a manual run of a date that is finished adds nothing"
    cli("run", recipe, "--date", "2026-01-01", "--quiet", "-w", other)
    results = json.loads(
        cli("run", recipe, "--since", "2026-01-01", "--date", "2026-01-02", "--quiet", "--json", "-w", other)
    )
    assert ["again" in result["night"] for result in results] == [True, False]
    assert all_rows(other) == on_time, "a catch-up leaves the rows that the nights would have had"

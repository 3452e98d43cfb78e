"""A night that goes on until enough rows are accepted: its books balance, and it ends when nothing is left."""

import copy
import json
import signal
import sqlite3
from contextlib import closing, suppress

import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.waiting import wait_for

NIGHT = "2026-01-01"


def recipe(limit, **until):
    content = copy.deepcopy(SMALL)
    content["problems"] |= {"limit": limit, "until": until}
    content["methods"] = [{"method": "gold"}]
    content["alarms"] = {"share": 1}
    return content


def books(workspace):
    with Lake(Workspace.open(workspace), read_only=True) as lake:
        (funnel,) = lake.rows("select * from funnel")
        rounds = lake.rows("select count(*) as n from commits where kind = 'plan'")[0]["n"]
        structures = lake.rows(
            "select count(*) as n, count(distinct structure_id) as different from problems where split = 'train'"
        )[0]
    assert (
        funnel["planned"] == funnel["done"] + funnel["failed"]
        and funnel["made"] == funnel["accepted"] + funnel["rejected"]
    )
    assert structures["n"] == structures["different"], "no problem is drawn twice"
    return funnel, rounds


@pytest.mark.slow
def test_rounds_are_drawn_until_enough_rows_are_accepted(cli):
    cli("run", cli.recipe(recipe(8, accepted=20)), "--date", NIGHT, "--quiet")
    funnel, rounds = books(cli.workspace)
    assert (rounds, funnel["planned"]) == (3, 24) and 20 <= funnel["accepted"] <= 24


@pytest.mark.slow
def test_it_ends_when_the_source_has_nothing_left(cli, tmp_path):
    file = tmp_path / "few.jsonl"
    rows = [
        {"q": f"What is {n} + {n + 2}?", "a": str(2 * n + 2), "s": f"{n} + {n + 2} = {2 * n + 2}"} for n in range(5, 12)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    content = recipe(3, accepted=1000)
    mapping = {"question": "q", "answer": "a", "solution": "s"}
    content["problems"]["sources"] = [
        {"name": "few", "kind": "file", "options": {"path": str(file), "mapping": mapping}}
    ]
    cli("run", cli.recipe(content), "--date", NIGHT, "--quiet")
    funnel, rounds = books(cli.workspace)
    assert (funnel["planned"], rounds) == (7, 4), "3 + 3 + 1 problems, and a round without any"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert lake.rows("select count(*) as n from left_out")[0]["n"] == 1, "what is left out is told once"


@pytest.mark.slow
def test_killed_between_and_inside_rounds_it_goes_on_to_the_same_end(cli):
    """`kill -9` in the second and in the fourth of six rounds: no problem, call or row comes twice, and the round counts on."""
    content = copy.deepcopy(SMALL)
    content["problems"] |= {"limit": 10, "until": {"accepted": 55}}
    content["alarms"] = {"share": 1}
    path = cli.recipe(content)
    ledger = cli.workspace / "ledger.sqlite"
    for calls in (12, 34):
        process = cli.start("run", path, "--date", NIGHT, "--quiet")
        wait_for(
            lambda least=calls, run=process: run.poll() is not None or _calls(ledger) >= least, 600, "calls", 0.005
        )
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"it ended by itself:\n{out[-3000:]}"
    cli("run", path, "--date", NIGHT, "--quiet")
    funnel, rounds = books(cli.workspace)
    assert (rounds, funnel["planned"], funnel["failed"]) == (6, 60, 0) and 55 <= funnel["accepted"] <= 60
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        (twice,) = lake.rows(
            "select count(*) - count(distinct sample_id) as rows, (select count(*) - count(distinct call_id) from calls) as calls, "
            "(select count(distinct call_id) from calls) as paid from samples"
        )
    assert (twice["rows"], twice["calls"]) == (0, 0) and _calls(ledger) == twice["paid"] == 60


def _calls(ledger):
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as reader:
        return reader.execute("select count(*) from calls").fetchone()[0]
    return 0

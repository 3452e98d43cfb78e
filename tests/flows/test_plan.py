"""Warm-Up as a plan, with a tiny model: SFT on puzzles, then RL on problems of another source, killed and gone on with."""

import copy
import json
import signal
import time
from pathlib import Path

import pytest

from storage.lake.lake import Lake
from storage.upkeep.check import run_checks
from storage.workspace import Workspace
from tests.flows.conftest import SMALL, command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # two runs of a whole night and its training
DATE = ("--date", "2026-01-01")
SFT = {"budget_tokens": 3000, "batch_tokens": 512, "learning_rate": 0.01, "optimiser": "muon", "max_length": 256}
WHOLE = {"budget_tokens": None, "epochs": 1, "max_length": 512}
"""Every row is gone through."""
RL = {"steps": 2, "prompts_per_step": 4, "samples": 2, "max_tokens": 8, "max_length": 256}
WARM_UP = {
    **copy.deepcopy(SMALL),
    "name": "warm",
    "problems": {
        "limit": 40,
        "sources": [
            {"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}, "heldout": 20, "validation": 10},
            {"name": "puzzles", "kind": "knights_knaves", "options": {"people": [2]}, "tier": 2, "tiers": [2]},
        ],
    },
    "methods": [
        {"method": "knights_knaves", "sources": ["puzzles"], "params": {"temperature": 0}},
        {"method": "cot", "sources": ["arithmetic"], "limit": 30, "params": {"temperature": 0}},
    ],
    "base": {"tiny": {"width": 64, "layers": 1, "heads": 2, "ffn": 64, "context": 512}},
    "train": {
        "when": {"min_new_rows": 10},
        "plan": [
            {
                "sft": {
                    "name": "warm-up",
                    "tasks": ["knights_knaves"],
                    "where": "tier <= 3",
                    "limit": 20,
                    **SFT,
                    **WHOLE,
                }
            },
            {"rl": {"name": "target", "problems": "drawn", "tasks": ["arithmetic"], "limit": 25, **RL}},
            {"sft": {"tasks": ["arithmetic"], "methods": ["cot"], **SFT}},
        ],
        "evaluate": {"samples": 1, "max_tokens": 8, "tasks": ["arithmetic"]},
    },
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory, prefect_server):
    """A training killed in its third stage, and what it made when the same command was given again."""
    cli = command_line(tmp_path_factory.mktemp("plan"), prefect_server)
    content = copy.deepcopy(WARM_UP)
    content["train"]["plan"][2]["sft"]["budget_tokens"] = 30_000
    recipe = cli.recipe(content)
    process = cli.start("run", recipe, *DATE, "--quiet")
    folder = cli.workspace / "checkpoints"
    deadline = time.monotonic() + 600
    while process.poll() is None and time.monotonic() < deadline:
        done = {path.name.partition("-")[0] for path in folder.glob("[!.]*")} if folder.is_dir() else set()
        if {"base", "sft", "rl"} <= done and list(folder.glob(".sft-*.job.json")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, out
    before = trained_at(folder)
    return cli, recipe, before, json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))["train"]


def trained_at(folder: Path) -> dict[str, int]:
    """When the weights of each finished checkpoint were written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*/model.safetensors")}


def rows(cli, statement: str) -> list[dict]:
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        return lake.rows(statement)


def test_a_plan_killed_in_its_third_stage_goes_on_there(killed):
    cli, _, before, trained = killed
    assert sorted(name.partition("-")[0] for name in before) == ["base", "rl", "sft"]
    after = trained_at(cli.workspace / "checkpoints")
    assert {name: after[name] for name in before} == before, "no finished stage was trained again"
    assert [(line["stage"], line["kind"], line["trained"]) for line in trained["stages"]] == [
        ("warm-up", "sft", "before"), ("target", "rl", "before"), ("sft", "sft", "now"),
    ]  # fmt: skip
    assert [line["from"] for line in trained["stages"]] == ["incumbent", "warm-up", "target"]


def test_lineage_names_what_each_stage_really_read(killed):
    cli, _, _, trained = killed
    warm_up, target, last = (
        rows(cli, f"select * from checkpoints where read->>'$.name' = '{name}'")[0]
        for name in ("warm-up", "target", "sft")
    )
    read = rows(
        cli,
        "select k.read->>'$.name' as stage, r.part, s.method, count(*) as n from stage_rows r "
        "join checkpoints k using (checkpoint_id) left join samples s using (sample_id) group by all order by all",
    )
    assert [(line["stage"], line["part"], line["method"]) for line in read] == [
        ("sft", "row", "cot"), ("target", "problem", None), ("warm-up", "row", "knights_knaves"),
    ]  # fmt: skip
    counts = {line["stage"]: line["n"] for line in read}
    assert counts["warm-up"] == 20 == trained["stages"][0]["rows"]
    assert 0 < counts["target"] <= 8, "two steps of four problems"
    assert 0 < counts["sft"] <= 30
    assert json.loads(target["read"])["problems"] == counts["target"]
    taught = rows(
        cli,
        "select s.method, count(distinct t.sample_id) as n from taught t join samples s using (sample_id) "
        f"where t.checkpoint_id = '{warm_up['checkpoint_id']}' group by all",
    )
    assert taught == [{"method": "knights_knaves", "n": 20}], "and none of the rows that the stage left out"
    lineage = json.loads(cli("lineage", last["checkpoint_id"], "--json"))
    named = {line["method"] for line in lineage["read"]}
    assert named == {"cot", "knights_knaves"}, "the last stage and, through its parent, the warm-up"
    assert [line["problems"] for line in lineage["beside"]] == (
        [counts["target"]] if last["parent"] == target["checkpoint_id"] else []
    )
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert run_checks(lake, only=["references"])["references"] == []


def test_drawn_problems_need_no_row_and_are_never_held_out(killed):
    cli, *_ = killed
    asked = rows(
        cli,
        "select p.split, p.task, p.problem_id in (select problem_id from samples) as has_row "
        "from stage_rows r join problems p using (problem_id) where r.part = 'problem'",
    )
    assert {(row["split"], row["task"]) for row in asked} == {("train", "arithmetic")}

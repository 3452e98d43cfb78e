"""A night with a tiny student, and the training that follows it, through the command line."""

import copy
import json
import signal
import time

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.flows.prefect_api import materialised, runs_of
from tests.waiting import wait_for

DATE = ("--date", "2026-01-01")
TINY = {
    **copy.deepcopy(SMALL),
    "name": "tiny",
    "models": {"teacher": {"engine": "solver"}, "student": {"engine": "transformers", "checkpoint": "promoted"}},
    "methods": [
        {"method": "cot", "params": {"temperature": 0}},
        {"method": "tutorship", "limit": 10, "params": {"attempt_tokens": 16}},
    ],
    "base": {"tiny": {"width": 64, "layers": 1, "heads": 2, "ffn": 64}},
    "train": {
        "when": {"min_new_rows": 10},
        "plan": [{"sft": {"budget_tokens": 8000, "batch_tokens": 512, "learning_rate": 0.01, "optimiser": "muon"}}],
        "evaluate": {"samples": 1, "max_tokens": 16},
    },
}


def rows(cli, statement: str) -> list[dict]:
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        return lake.rows(statement)


def test_a_training_follows_the_night_and_every_arrow_is_in_the_lake(cli):
    recipe = cli.recipe(TINY)
    result = json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))
    trained = result["train"]
    assert trained["trained"] and trained["release"] == "small@1" and [s["stage"] for s in trained["stages"]] == ["sft"]
    assert trained["decision"] in ("promoted", "refused", "undecided") and trained["reason"]
    assert {(row["stage"], row["parent"] is None) for row in rows(cli, "select stage, parent from checkpoints")} == {
        ("base", True),
        ("sft", False),
    }
    evaluated = rows(cli, "select checkpoint_id, count(*) as n from evaluations group by all")
    assert [row["n"] for row in evaluated] == [40, 40], "20 held-out items, greedy and one sample, for both models"
    walked = rows(
        cli,
        "select count(*) as n, count(c.call_id) as found from lineage l left join calls c using (call_id) "
        "where l.ancestor = l.checkpoint_id and l.call_id is not null",
    )[0]
    assert walked["n"] == walked["found"] >= 60
    model = cli.workspace / trained["path"]
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(model)
    assert AutoTokenizer.from_pretrained(model).chat_template

    url = cli.environment["PREFECT_API_URL"]
    runs = {run["id"] for run in runs_of(url, "tiny") if run["name"] == "2026-01-01/tiny train"}
    events = materialised(url, "nightschool://checkpoint/tiny/sft", runs)
    made = next(event for event in events if event["payload"]["checkpoint"] == trained["candidate"])
    assert made["payload"]["rows"] >= 60
    parents = {"nightschool://release/small", "nightschool://student/tiny"}
    assert parents <= {related["prefect.resource.id"] for related in made["related"]}

    before = rows(cli, "select count(*) as n from commits")
    again = json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))
    assert again["train"]["again"] and rows(cli, "select count(*) as n from commits") == before


def test_too_little_new_data_trains_nothing_and_says_so(cli):
    content = copy.deepcopy(TINY)
    content["train"]["when"] = {"min_new_rows": 1000}
    result = json.loads(cli("run", cli.recipe(content), *DATE, "--json", "--quiet"))
    assert not result["train"]["trained"]
    assert "train.when.min_new_rows is 1,000" in result["train"]["decision_to_train"]


def test_ctrl_c_and_kill_9_in_the_middle_of_a_training_and_the_same_command_again(cli):
    content = copy.deepcopy(TINY)
    content["train"]["plan"][0]["sft"]["budget_tokens"] = 100_000
    recipe = cli.recipe(content)
    folder = cli.workspace / "checkpoints"
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        began, process = time.time(), cli.start("run", recipe, *DATE, "--quiet")
        wait_for(
            lambda began=began: [f for f in folder.glob(".sft-*.job.json") if f.stat().st_mtime > began],
            180,
            "the stage",
        )
        time.sleep(1.0)
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == status, output
        assert number == signal.SIGKILL or "stopped; the same command goes on where it stopped" in output
        assert not list(folder.glob("sft-*")), "a stopped stage leaves no checkpoint"
    result = json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))
    assert result["train"]["trained"]
    assert len(rows(cli, "select * from checkpoints where stage = 'sft'")) == 1
    assert len(rows(cli, "select * from promotions")) == 1


def test_a_wrong_option_of_a_stage_is_named(cli):
    content = copy.deepcopy(TINY)
    content["train"]["plan"][0]["sft"]["learning_rat"] = 1
    message = cli("run", cli.recipe(content), *DATE, "--quiet", code=1)
    assert "train.plan.0.sft.learning_rat" in message

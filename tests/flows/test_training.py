"""A night with a tiny student, and the training that follows it, through the command line."""

import copy
import json
import signal

import psutil

from storage.lake.lake import Lake
from storage.workspace import Workspace
from synth.engines.vllm_command import PYTHON_VARIABLE
from tests.flows.conftest import SMALL
from tests.flows.prefect_api import materialised, runs_of
from tests.stand_in import make_stand_in
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


def test_ctrl_c_and_kill_9_in_each_part_of_a_training_and_the_same_command_again(cli):
    held = cli.folder / "held"
    held.touch()
    tools = make_stand_in(cli.folder / "environment")
    cli.environment |= {PYTHON_VARIABLE: str(tools / "bin/python"), "STAND_IN": "held", "STAND_IN_HELD": str(held)}
    content = copy.deepcopy(TINY)
    content["train"]["plan"][0]["sft"]["budget_tokens"] = 100_000
    rl = {"steps": 40, "prompts_per_step": 4, "samples": 2, "max_tokens": 8, "max_length": 256}
    content["train"]["plan"].append({"rl": rl})
    content["train"]["evaluate"]["engine"] = "vllm"
    recipe, folder = cli.recipe(content), cli.workspace / "checkpoints"
    log = cli.workspace / "servers/evaluation/vllm.log"
    in_the_middle = {
        "sft": (signal.SIGKILL, -9, lambda: list(folder.glob(".sft-*/trainer/checkpoint-*"))),
        "rl": (signal.SIGINT, 130, lambda: list(folder.glob(".rl-*/trainer/checkpoint-*"))),
        "evaluation": (signal.SIGINT, 130, lambda: log.exists() and "asked\n" in log.read_text()),
    }
    for part, (number, status, begun) in in_the_middle.items():
        process = cli.start("run", recipe, *DATE, "--quiet")
        wait_for(begun, 180, part)
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == status, output
        assert number == signal.SIGKILL or "stopped; the same command goes on where it stopped" in output
        assert started and not psutil.wait_procs(started, timeout=30)[1], f"{part}: nothing of it is left"
        assert part == "evaluation" or not list(folder.glob(f"{part}-*")), "a stopped stage leaves no checkpoint"
    held.unlink()
    trained = json.loads(cli("run", recipe, *DATE, "--json", "--quiet"))["train"]
    assert [(line["stage"], line["trained"]) for line in trained["stages"]] == [("sft", "before"), ("rl", "before")]
    assert len(rows(cli, "select * from checkpoints where stage = 'sft'")) == 1
    assert len(rows(cli, "select * from promotions")) == 1


def test_a_wrong_option_of_a_stage_is_named(cli):
    content = copy.deepcopy(TINY)
    content["train"]["plan"][0]["sft"]["learning_rat"] = 1
    message = cli("run", cli.recipe(content), *DATE, "--quiet", code=1)
    assert "train.plan.0.sft.learning_rat" in message

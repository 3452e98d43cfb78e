"""An adapter from the recipe to the student and back: trained, merged and judged, promoted, rolled back, exported."""

import copy
import json

import pytest
from transformers import AutoModelForCausalLM

from storage.lake.lake import Lake
from storage.models.adapters import base_of, is_adapter
from storage.models.retention import retention
from storage.workspace import Workspace
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow
RECIPE = {
    **copy.deepcopy(SMALL),
    "name": "adapted",
    "base": {"tiny": {"width": 32, "layers": 1, "heads": 1, "ffn": 32}},
    "train": {
        "when": {"min_new_rows": 1},
        "plan": [
            {"sft": {"name": "adapted", "epochs": 1, "batch_tokens": 512, "adapter": {"r": 4, "alpha": 8}}},
            {"merge": {"from": "incumbent", "vectors": [{"model": "adapted", "weight": 0.5}]}},
        ],
        "evaluate": {"samples": 0, "max_tokens": 4},
    },
}


def test_an_adapter_is_a_checkpoint_like_any_other(cli):
    trained = json.loads(cli("run", cli.recipe(RECIPE), "--date", "2026-01-01", "--json", "--quiet"))["train"]
    assert trained["decision"] in ("promoted", "refused", "undecided"), "what was merged is judged like any candidate"
    listed = {line["stage"]: line for line in json.loads(cli("model", "list", "--json"))}
    adapter, merged, base = listed["sft"], listed["merge"], listed["base"]
    folder = cli.workspace / adapter["path"]
    assert merged["checkpoint_id"] == trained["candidate"] and not is_adapter(cli.workspace / merged["path"])
    assert is_adapter(folder) and base_of(folder) == cli.workspace / base["path"]
    assert {adapter["parent"], merged["parent"]} == {base["checkpoint_id"]}
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        (row,) = lake.rows("select read, metrics from checkpoints where checkpoint_id = ?", [merged["checkpoint_id"]])
        assert json.loads(row["read"])["models"] == {"adapted": adapter["checkpoint_id"]}
        assert json.loads(row["metrics"])["moved"] > 0
        going = {folder.path for folder in retention(lake, keep=1) if folder.remove}
        assert base["path"] not in going, "what an adapter needs stays with it"
    students = []
    for command in (
        ("promote", adapter["checkpoint_id"], "--anyway"),
        ("rollback",),
        ("promote", adapter["checkpoint_id"], "--anyway"),
    ):
        cli("model", *command, "--reason", "to try it")
        students += [line["checkpoint_id"] for line in json.loads(cli("model", "list", "--json")) if line["student"]]
    before = merged["checkpoint_id"] if trained["decision"] == "promoted" else base["checkpoint_id"]
    assert students == [adapter["checkpoint_id"], before, adapter["checkpoint_id"]]
    cli("model", "export", "student", cli.folder / "out")
    model = AutoModelForCausalLM.from_pretrained(cli.folder / "out")
    assert model.config.hidden_size == 32

"""An adapter from the recipe to the student and back: trained, registered with its base, evaluated, promoted, exported."""

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
        "plan": [{"sft": {"epochs": 1, "batch_tokens": 512, "adapter": {"r": 4, "alpha": 8}}}],
        "evaluate": {"samples": 0, "max_tokens": 4},
    },
}


def test_an_adapter_is_a_checkpoint_like_any_other(cli):
    trained = json.loads(cli("run", cli.recipe(RECIPE), "--date", "2026-01-01", "--json", "--quiet"))["train"]
    assert trained["decision"] in ("promoted", "refused", "undecided")
    folder = cli.workspace / trained["path"]
    assert is_adapter(folder)
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        row = lake.rows("select parent, path from checkpoints where checkpoint_id = ?", [trained["candidate"]])[0]
        (base,) = lake.rows("select path from checkpoints where checkpoint_id = ?", [row["parent"]])
        assert base_of(folder) == cli.workspace / base["path"]
        going = {folder.path for folder in retention(lake, keep=1) if folder.remove}
        assert base["path"] not in going, "what an adapter needs stays with it"
    if trained["decision"] != "promoted":
        cli("model", "promote", trained["candidate"], "--reason", "to try it", "--anyway")
    listed = {line["checkpoint_id"]: line for line in json.loads(cli("model", "list", "--json"))}
    assert listed[trained["candidate"]]["student"] and listed[trained["candidate"]]["here"]
    cli("model", "export", "student", cli.folder / "out")
    model = AutoModelForCausalLM.from_pretrained(cli.folder / "out")
    assert model.config.hidden_size == 32

"""A night and its training on data as GSM8K is written, by a tiny model: raw solutions, problems without a row, no samples."""

import copy
import json

import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from synth.problems.arithmetic import Arithmetic
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow
SHORT = {"batch_tokens": 512, "max_length": 512}
RECIPE = {
    **copy.deepcopy(SMALL),
    "name": "real",
    "vars": {"rows": "20"},
    "methods": [{"method": "gold", "limit": 12}],
    "base": {"tiny": {"width": 32, "layers": 1, "heads": 1, "ffn": 32, "context": 512}},
    "train": {
        "when": {"min_new_rows": 1},
        "plan": [
            {"sft": {"epochs": 1, "limit": "${rows}", **SHORT}},
            {
                "rl": {
                    "problems": "drawn",
                    "steps": 1,
                    "prompts_per_step": 2,
                    "samples": 2,
                    "max_tokens": 4,
                    "max_length": 512,
                }
            },
        ],
        "evaluate": {"samples": 0, "max_tokens": 4},
    },
}


def gsm8k(path):
    """Problems in GSM8K's form: the solution with its calculator marks, the answer behind `####`."""
    lines = []
    for problem in Arithmetic([1]).draw(60, seed=5):
        step = f"So it is {problem.gold} = <<{problem.gold}={problem.gold}>>{problem.gold}."
        lines.append(json.dumps({"question": problem.prompt, "answer": f"{step}\n#### {problem.gold}"}))
    path.write_text("\n".join(lines))


def source(path, **options):
    return {"limit": 30, "fresh": False, "sources": [
        {"name": "gsm8k", "kind": "gsm8k", "heldout": 6, "validation": 4, "options": {"path": str(path), **options}}
    ]}  # fmt: skip


def test_gsm8k_as_it_is_from_the_file_to_a_decision(cli, tmp_path):
    gsm8k(tmp_path / "train.jsonl")
    recipe = cli.recipe({**RECIPE, "problems": source(tmp_path / "train.jsonl")})
    trained = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["train"]
    sft, rl = trained["stages"]
    assert sft["rows"] == 12 and sft["loss"] > 0, "fewer steps than log_every"
    assert rl["problems"] == 2 and rl["kept"].startswith(("Kept", "Dropped")) and "greedy" in rl["kept"]
    assert trained["decision"] in ("promoted", "refused", "undecided")
    assert all(row["sampled_before"] is None for row in trained["accuracy"])
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        (asked,) = lake.rows("select count(*) as n from stage_rows where part = 'problem' and sample_id is null")
    assert asked["n"] == 2, "problems without any row of the release"


def test_what_could_not_be_judged_is_refused_before_anything_is_trained(cli, tmp_path):
    gsm8k(tmp_path / "train.jsonl")
    problems = source(tmp_path / "train.jsonl")
    del problems["sources"][0]["validation"]
    recipe = cli.recipe({**RECIPE, "problems": problems})
    output = cli("run", recipe, "--date", "2026-01-01", "--quiet", code=1)
    assert "there are no validation problems to evaluate on" in output
    assert not list((cli.workspace / "checkpoints").glob("sft-*"))

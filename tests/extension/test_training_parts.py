"""Parts of a training from outside the tree: found by entry points, held to what ours are held to, and trained with."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.benchmarks import BenchmarkManifest
from filters.night.benchmark_screening import Screening
from storage.errors import RecipeError, TrainingError
from storage.lake.lake import Lake
from storage.models.checkpoints import register_checkpoint
from storage.releases.reading import get_release
from synth.problems.arithmetic import Arithmetic
from synth.sample import problem_row
from tests.extension.installing import install
from tests.storage.small import build
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.losses import LOSSES
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.orders import ORDERS
from train_stages.plan.reading import Reader
from train_stages.plan.run import Training
from train_stages.plan.steps import read_plan
from train_stages.rewards import REWARDS
from train_stages.stages import get_stage
from train_stages.stages.rl import bare_prompt
from train_stages.stages.sft import sft

ROOT = Path(__file__).parent.parent.parent
POINTS = {
    "nightschool.losses": {
        "example_minor_sft": "tests.extension.example_parts.losses:MinorSft",
        "example_weighted": "tests.extension.example_parts.losses:Weighted",
    },
    "nightschool.orders": {"example_zigzag": "tests.extension.example_parts.orders:Zigzag"},
    "nightschool.rewards": {"example_brief": "tests.extension.example_parts.rewards:Brief"},
    "nightschool.stages": {"example_ask": "tests.extension.example_parts.stages:ASK"},
}


@pytest.fixture(autouse=True)
def installed(tmp_path_factory, monkeypatch):
    """The package as pip would install it, for this process and those that it starts."""
    site = tmp_path_factory.mktemp("site")
    monkeypatch.setenv("PYTHONPATH", install(site, "example-parts", POINTS)["PYTHONPATH"])
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(scope="module")
def problems():
    return Arithmetic([1]).draw(40, seed=1)


@pytest.fixture(scope="module")
def base(problems, tmp_path_factory):
    small = TinyConfig(width=32, layers=1, heads=1, ffn=64, context=128, vocabulary=400)
    texts = [f"{problem.prompt}\n{problem.solution}" for problem in problems]
    return create_base(tmp_path_factory.mktemp("base") / "base", texts, config=small)


def chats(problems):
    rows = [[{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in problems]
    return pa.table({"id": [p.id for p in problems], "messages": rows})


@pytest.mark.slow
def test_a_loss_of_one_file_is_held_to_what_ours_are(base, problems, tmp_path):
    every.check_described(LOSSES, "example_minor_sft")
    minor = LOSSES.get("example_minor_sft")
    every.check_formula(minor)
    every.check_gradient(minor)
    every.check_neutral(minor)
    every.check_packing(minor, base, chats(problems), tmp_path)
    every.check_supervised_trainer(minor, base, chats(problems[:7]), tmp_path)
    with pytest.raises(RecipeError, match=r"^rl\.loss: example_minor_sft is a loss of other stages"):
        every.read("rl", loss="example_minor_sft")


@pytest.mark.slow
def test_a_loss_may_need_a_column_of_the_rows(base, problems, tmp_path):
    weighted = LOSSES.get("example_weighted")
    every.check_described(LOSSES, "example_weighted")
    every.check_formula(weighted)
    every.check_gradient(weighted)
    every.check_packing(weighted, base, chats(problems), tmp_path)

    def first(loss, rows, weights=None):
        rows = rows if weights is None else rows.append_column("weight", pa.array(weights))
        config = SftConfig(loss=loss, batch_tokens=10_000, epochs=1, **every.LEVEL)
        out = tmp_path / f"{loss}-{rows.num_rows}-{sum(weights or [])}"
        return sft(base, rows, out, config).history[0]["loss"]

    rows = chats(problems[:6])
    assert first("example_weighted", rows, [1.0] * 6) == pytest.approx(first("row_mean", rows), rel=1e-5)
    half = first("row_mean", rows.slice(0, 3)) / 2  # of twice as many rows
    assert first("example_weighted", rows, [1.0] * 3 + [0.0] * 3) == pytest.approx(half, rel=1e-5)
    with pytest.raises(TrainingError, match="the loss needs a column weight of numbers; the rows have id, messages"):
        sft(base, rows, tmp_path / "none", SftConfig(loss="example_weighted", device="cpu"))


def test_an_order_and_a_reward_of_one_file_are_too():
    every.check_described(ORDERS, "example_zigzag")
    every.check_order(ORDERS.get("example_zigzag"))
    every.check_described(REWARDS, "example_brief")
    every.check_reward(REWARDS.get("example_brief"))


@pytest.mark.slow
def test_a_training_with_them_that_breaks_off_goes_on_to_the_same_weights(base, problems, tmp_path):
    options = {"loss": {"kind": "example_minor_sft", "beta": 0.1}, "order": "example_zigzag", "learning_rate": 1e-2}
    whole = every.check_resume("sft", base, chats(problems), tmp_path, batch_tokens=256, epochs=3, **options)
    assert whole.metrics["loss"] < whole.metrics["first_loss"]
    config = json.loads((whole.path / "training.json").read_text())["config"]
    assert config["loss"] == {"kind": "example_minor_sft", "beta": 0.1} and config["order"] == {
        "kind": "example_zigzag"
    }


SMALL = {"batch_tokens": 512, "max_length": 256, "device": "cpu", "learning_rate": 1e-3}
PLAN = [
    {"example_ask": {"name": "pose", "epochs": 2, **SMALL}},
    {"sft": {"loss": "example_minor_sft", "order": "example_zigzag", "where": "tier = 1", **SMALL}},
    {"rl": {"rewards": ["answer", {"kind": "example_brief", "weight": 0.5}], "steps": 1, "prompts_per_step": 2,
            "samples": 2, "max_tokens": 8, "max_length": 256, "device": "cpu"}},
]  # fmt: skip


@pytest.mark.slow
def test_a_plan_runs_with_a_stage_a_loss_an_order_and_a_reward_from_outside(base, tmp_path):
    """Each stage in a process of its own, checked before, and found again afterwards."""
    with Lake(build(tmp_path / "w")) as lake:
        reader = Reader(
            lake, get_release(lake, "set@2"), bare_prompt, lambda: Screening(lake, BenchmarkManifest([])), Path
        )
        training = Training(reader, "2026-01-01/r", "p", "v", lambda *_: None)
        path = shutil.copytree(base, lake.workspace.folder("checkpoints") / "base")
        parent = start = register_checkpoint(lake, path, stage="base", night=None, config={}, code_version="v")
        steps = []
        for step in read_plan(PLAN):
            training.preflight(step, parent)
            steps.append(training.run(step, parent))
            parent = steps[-1].checkpoint
        assert [step.new for step in steps] == [True, True, True]
        configs = [json.loads((step.checkpoint.path / "training.json").read_text())["config"] for step in steps]
        assert configs[1]["loss"]["kind"] == "example_minor_sft" and configs[1]["order"]["kind"] == "example_zigzag"
        assert [reward["kind"] for reward in configs[2]["rewards"]] == ["answer", "example_brief"]
        again = training.run(read_plan(PLAN)[0], start)
        assert (again.checkpoint, again.new) == (steps[0].checkpoint, False)


@pytest.mark.slow
def test_reinforcement_is_told_what_responses_earn(base, problems, tmp_path):
    table = pa.Table.from_pylist([problem_row(problem, split="train", night="n") for problem in problems[:4]])
    pq.write_table(table, tmp_path / "rows.parquet")
    rewards = ["answer", {"kind": "example_brief", "most": 8, "weight": 0.5}]
    options = {"rewards": rewards, "steps": 1, "prompts_per_step": 2, "samples": 4, "max_tokens": 8, "device": "cpu",
               "log_every": 1, "learning_rate": 1e-3}  # fmt: skip
    job = {"parent": str(base), "rows": "rows.parquet", "out": "out", "options": options}
    (tmp_path / "job.json").write_text(json.dumps(job))
    from train_stages.process.job import read_job

    checkpoint = get_stage("rl").run(read_job(tmp_path / "job.json"), lambda *_: None)
    curve = next(entry for entry in checkpoint.history if "reward" in entry)
    brief = curve["rewards/example_brief/mean"]
    assert curve["reward"] == pytest.approx(curve["rewards/answer/mean"] + 0.5 * brief, abs=1e-5)
    assert brief == pytest.approx(max(0, 1 - curve["completions/mean_length"] / 8), abs=1e-5)

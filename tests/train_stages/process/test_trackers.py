"""Trackers: off unless named, refused where they are not installed, told of the curves through transformers' own callbacks."""

import json

import pyarrow.parquet as pq
import pytest

from storage.errors import RecipeError, TrainingError
from tests.train_stages import every
from train_stages.config import SftConfig
from train_stages.plan.pin import plan_digests
from train_stages.plan.steps import read_plan
from train_stages.process.job import Job
from train_stages.process.stage import run_name, trackers
from train_stages.stages.sft import check_sft, sft

RECORDER = """
import json, os, types
nothing = types.SimpleNamespace(get=lambda: None)
context_vars = types.SimpleNamespace(current_space_id=nothing, current_run=nothing)
class Config(dict):
    def update(self, values, allow_val_change=False):
        super().update(values)
config = Config()
def note(what):
    with open(os.environ["RECORDED"], "a") as file:
        file.write(json.dumps(what) + "\\n")
def init(project=None, name=None, space_id=None, **more):
    note({"name": name, "space": space_id})
def log(values, *more, **others):
    note(values)
def finish():
    note({"finished": True})
"""


def test_they_are_named_and_change_nothing_of_a_stage():
    assert every.read("sft").report_to == () and every.read("rl", report_to=["wandb"]).report_to == ("wandb",)
    with pytest.raises(RecipeError, match=r"sft\.report_to\.0 = 'comet'"):
        every.read("sft", report_to=["comet"])
    one, other = (plan_digests(read_plan([{"sft": options}])) for options in ({}, {"report_to": ["mlflow"]}))
    assert one == other


def test_one_that_is_not_installed_is_refused_before_anything_is_trained(base, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("train_stages.process.stage.find_spec", lambda name: None)
    pq.write_table(rows, tmp_path / "rows.parquet")
    for name in ("wandb", "mlflow", "trackio", "tensorboard"):
        job = Job(
            parent=base,
            rows=tmp_path / "rows.parquet",
            out=tmp_path / "o",
            options={"report_to": [name], "device": "cpu"},
        )
        with pytest.raises(
            TrainingError, match=f"report_to: {name} is not installed: pip install {name}, or leave it out"
        ):
            check_sft(job)


def test_tensorboard_writes_beside_the_checkpoint_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.setattr("train_stages.process.stage.find_spec", lambda name: name == "tensorboardX" or None)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "elsewhere")
    folder = tmp_path / ".sft-1.partial"
    assert trackers(folder, SftConfig(report_to=["tensorboard"])) == ["tensorboard"] and run_name(folder) == "sft-1"
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR")
    trackers(folder, SftConfig(report_to=["tensorboard"]))
    import os

    assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard" / "sft-1")


@pytest.mark.slow
def test_a_tracker_is_told_of_the_curves(base, rows, tmp_path, monkeypatch):
    """One that only writes down what transformers' callback calls."""
    (tmp_path / "trackio.py").write_text(RECORDER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RECORDED", str(tmp_path / "recorded"))
    options = {"batch_tokens": 512, "max_length": 128, "device": "cpu", "log_every": 1}
    made = sft(base, rows, tmp_path / "sft-1", SftConfig(report_to=["trackio"], **options))
    recorded = [json.loads(line) for line in (tmp_path / "recorded").read_text().splitlines()]
    assert recorded[0] == {"name": "sft-1", "space": None}, "local: nothing is sent anywhere"
    losses = [entry["train/loss"] for entry in recorded if "train/loss" in entry]
    assert losses == [entry["loss"] for entry in made.history if "loss" in entry]

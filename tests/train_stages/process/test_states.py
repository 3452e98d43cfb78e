"""A stage that is killed, at a step or in the middle of a write, and the same command again: the same weights."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

import synth.problems
from storage.errors import TrainingError
from synth.answers.outcome import Check, Outcome
from synth.sample import problem_row
from train_stages.process import states
from train_stages.process.job import EVENTS
from train_stages.process.states import SEAL, STATES, last_state, output_folder, seal

pytestmark = pytest.mark.slow

FAST = {"batch_tokens": 512, "max_length": 128, "device": "cpu", "log_every": 1}


def weights(path):
    return AutoModelForCausalLM.from_pretrained(path).state_dict()


def same(first, second):
    return all(torch.equal(w, weights(second)[name]) for name, w in weights(first).items())


def killed(stage, where, *, env=None):
    """Run a stage in a process that kills itself (SIGKILL) at a place, and see that it did."""
    program = textwrap.dedent(f"""
        import os, runpy, signal, sys
        def die(): os.kill(os.getpid(), signal.SIGKILL)
        {textwrap.indent(where, "    ").strip()}
        sys.argv = ["stage", "--config", {str(stage.file)!r}]
        runpy.run_module("train_stages.stages.{stage.name}", run_name="__main__")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert not stage.out.exists(), "a killed stage leaves no checkpoint"


class Stage:
    def __init__(self, name, folder, parent, rows, out, **options):
        self.name, self.out, self.file = name, folder / out, folder / f"{out}.json"
        job = {"parent": str(parent), "rows": str(rows), "out": out, "options": options}
        self.file.write_text(json.dumps(job))

    def run(self):
        """In this process: starting one more costs seconds and shows nothing more."""
        from train_stages.process.job import read_job
        from train_stages.stages import get_stage

        get_stage(self.name).run(read_job(self.file), lambda *_: None)
        return self.out

    @property
    def partial(self):
        return self.out.with_name(f".{self.out.name}.partial")


class Easy:
    """A checker that even an untrained model pleases now and then; what it earns otherwise moves nothing."""

    def check(self, problem, response):
        return Check(Outcome.CORRECT if len(response) % 2 else Outcome.WRONG)


EASY = """
    import synth.problems
    from tests.train_stages.process.test_states import Easy
    synth.problems.get_task = lambda name: Easy()
"""
AT_STEP_7 = """
    from transformers.trainer import Trainer
    step = Trainer.training_step
    def stopping(self, *args, **kwargs):
        if self.state.global_step == 7: die()
        return step(self, *args, **kwargs)
    Trainer.training_step = stopping
"""
IN_THE_SECOND_WRITE = """
    import torch
    save, count = torch.save, [0]
    def stopping(content, file, **kwargs):
        count[0] += "optimizer" in str(file)
        if count[0] == 2:
            open(file, "wb").write(b"half of it")
            die()
        return save(content, file, **kwargs)
    torch.save = stopping
"""


def test_sft_killed_twice_ends_with_the_weights_of_an_uninterrupted_run(base, rows, tmp_path):
    pq.write_table(rows, tmp_path / "rows.parquet")
    options = {**FAST, "epochs": 1.5, "optimiser": "muon", "learning_rate": 0.02, "save_every": 3}
    whole = Stage("sft", tmp_path, base, "rows.parquet", "whole", **options).run()
    stage = Stage("sft", tmp_path, base, "rows.parquet", "killed", **options)

    killed(stage, IN_THE_SECOND_WRITE)
    states = sorted(path.name for path in (stage.partial / STATES).glob("checkpoint-*"))
    assert states == ["checkpoint-3", "checkpoint-6"]
    assert not (stage.partial / STATES / "checkpoint-6" / SEAL).exists()
    assert last_state(stage.partial).name == "checkpoint-3" and not (stage.partial / STATES / "checkpoint-6").exists()

    killed(stage, AT_STEP_7)
    assert last_state(stage.partial).name == "checkpoint-6"
    result = stage.run()
    metrics = json.loads((result / "training.json").read_text())["metrics"]
    assert metrics["resumed_at_step"] == 6 and metrics["steps"] > 9
    assert same(whole, result) and not stage.partial.exists()
    histories = [json.loads((path / "training.json").read_text())["history"] for path in (whole, result)]
    losses = [[entry["loss"] for entry in history if "loss" in entry] for history in histories]
    assert losses[0] == losses[1], "the curve has no gap either"


def test_rl_killed_at_a_step_ends_with_the_weights_of_an_uninterrupted_run(base, problems, tmp_path, monkeypatch):
    monkeypatch.setattr(synth.problems, "get_task", lambda name: Easy())
    table = pa.Table.from_pylist([problem_row(problem, split="train", night="n") for problem in problems[:7]])
    pq.write_table(table, tmp_path / "problems.parquet")
    options = {"steps": 10, "prompts_per_step": 2, "samples": 2, "max_tokens": 8, "learning_rate": 1e-2,
               "loss": {"scale_rewards": "group"}, "save_every": 3, "device": "cpu", "log_every": 1,
               "resampling": "history"}  # fmt: skip
    whole = Stage("rl", tmp_path, base, "problems.parquet", "whole", **options).run()
    stage = Stage("rl", tmp_path, base, "problems.parquet", "killed", **options)
    killed(stage, EASY + AT_STEP_7)
    assert last_state(stage.partial).name == "checkpoint-6"
    assert same(whole, stage.run()) and not same(base, whole)
    drawn = [pq.read_table(path / "rollouts.parquet").to_pylist() for path in (whole, stage.out)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 20
    history = json.loads((whole / "training.json").read_text())["history"]
    assert min(entry["sampling/pool"] for entry in history if "sampling/pool" in entry) < 7, "some were solved"


def test_a_state_of_other_settings_is_not_gone_on_from(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), output_folder(out, "one") as folder:
        state = folder / STATES / "checkpoint-5"
        state.mkdir(parents=True)
        (state / "weights").write_bytes(b"w")
        seal(state)
        raise RuntimeError
    with pytest.raises(RuntimeError), output_folder(out, "one") as folder:
        assert last_state(folder).name == "checkpoint-5"
        raise RuntimeError
    with output_folder(out, "two") as folder:
        assert last_state(folder) is None
    assert out.is_dir() and {path.name for path in tmp_path.iterdir()} == {"out", ".out.lock"}


def test_a_sealed_state_that_lost_bytes_is_thrown_away(tmp_path):
    for number in (9, 10):
        state = tmp_path / STATES / f"checkpoint-{number}"
        state.mkdir(parents=True)
        (state / "weights").write_bytes(b"weights")
        seal(state)
    assert last_state(tmp_path).name == "checkpoint-10"
    (state / "weights").write_bytes(b"wei")
    assert last_state(tmp_path).name == "checkpoint-9" and not state.exists()


def test_two_processes_do_not_train_the_same_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "LOCK_S", 0.3)
    out = tmp_path / "out"
    with (
        output_folder(out, "one"),
        pytest.raises(TrainingError, match="another process trains"),
        output_folder(out, "one"),
    ):
        pytest.fail("it must not get here")


def test_a_stage_ends_when_whoever_started_it_is_gone(base, rows, tmp_path):
    pq.write_table(rows, tmp_path / "rows.parquet")
    stage = Stage("sft", tmp_path, base, "rows.parquet", "long", epochs=5000, **FAST)
    process = subprocess.Popen(
        [sys.executable, "-m", "train_stages.stages.sft", "--config", str(stage.file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, EVENTS: "1"},
    )  # fmt: skip
    assert json.loads(process.stdout.readline())["step"] == 1
    process.stdin.close()  # what the kernel does when the starter dies, however it dies
    assert process.wait(timeout=60) == 70 and not stage.out.exists()


def test_missing_rows_and_models_are_sentences(base, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "train_stages.stages.sft", "--config", str(tmp_path / "none.json")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.startswith("error: job file") and "Traceback" not in done.stderr
    with pytest.raises(TrainingError, match=r"rows .*nothing\.parquet cannot be read"):
        Stage("sft", tmp_path, base, "nothing.parquet", "out", **FAST).run()

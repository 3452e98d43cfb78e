"""Stages through `accelerate launch`: two processes on a CPU (gloo) learn what one learns."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForCausalLM

from storage.errors import TrainingError
from train_stages.config import SftConfig
from train_stages.data.batches import plan_padded
from train_stages.process.job import Job
from train_stages.process.launch import CONFIGURATIONS, command, launch
from train_stages.process.trainer import configured
from train_stages.stages.sft import sft

pytestmark = pytest.mark.slow

OPTIONS = {"device": "cpu", "batch_tokens": 512, "max_length": 128, "learning_rate": 3e-3, "log_every": 1,
           "budget_tokens": 2400, "order": "easy_to_hard", "packing": True}  # fmt: skip


def losses(path):
    history = json.loads((path / "training.json").read_text())["history"]
    return [(entry["loss"], entry["grad_norm"]) for entry in history if "loss" in entry]


def test_two_processes_learn_what_one_learns(base, rows, tmp_path):
    """The same losses and gradients at every step: the step is shared, and no micro-batch is lost on the way."""
    pq.write_table(rows, tmp_path / "rows.parquet")
    single = sft(base, rows, tmp_path / "one", SftConfig(**OPTIONS))
    job = Job(parent=base, rows=tmp_path / "rows.parquet", out=tmp_path / "two", options=OPTIONS)
    seen = []
    launch("sft", job, lambda *step: seen.append(step), accelerate="ddp", processes=2)
    curves = [losses(single.path), losses(job.out)]
    shared = len(curves[1]) - 1  # the last step of one may have a micro-batch that two cannot share
    assert seen[-1][1:] == (len(curves[1]),) * 2 and shared >= 4
    assert curves[1][:shared] == [pytest.approx(step, abs=1e-4) for step in curves[0][:shared]]
    assert AutoModelForCausalLM.from_pretrained(job.out).num_parameters() > 0, "an ordinary folder"


def test_a_step_is_shared_by_the_processes():
    lengths, order = [10] * 96, np.arange(96)
    plans = [
        plan_padded(lengths, order, batch_tokens=320, micro_tokens=micro, mixed=False, seed=0, world=world)
        for micro, world in ((320, 1), (320, 4), (40, 4))
    ]
    assert [(len(plan.batches[0]), plan.accumulate, plan.steps) for plan in plans] == [(32, 1, 3), (8, 1, 3), (4, 2, 3)]


def test_how_many_processes_are_started(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert command("sft", tmp_path / "job", "ddp")[5:7] == ["--num_processes", "4"]
    assert command("sft", tmp_path / "job", "fsdp", 2)[5:7] == ["--num_processes", "2"]
    mine = tmp_path / "mine.yaml"
    mine.write_text("num_processes: 3\n")
    assert command("sft", tmp_path / "job", str(mine))[5] == "-m"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="set optimiser: adamw"):
        configured(object, SftConfig(optimiser="muon"))


def test_the_fsdp_configuration_says_what_accelerate_understands(monkeypatch):
    """What the launcher hands to each process; on a CPU accelerate shards nothing, so the rest needs GPUs."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.launch import prepare_multi_gpu_env

    arguments = launch_command_parser().parse_args(
        ["--config_file", str(CONFIGURATIONS / "fsdp.yaml"), "--num_processes", "2", "-m", "train_stages.stages.sft"]
    )
    environment = prepare_multi_gpu_env(_validate_launch_command(arguments)[0])
    for name, value in environment.items():
        if "FSDP" in name:
            monkeypatch.setenv(name, value)
    plugin = FullyShardedDataParallelPlugin()
    assert environment["ACCELERATE_USE_FSDP"] == "true" and plugin.fsdp_version == 2 and plugin.reshard_after_forward
    assert plugin.state_dict_type.name == "FULL_STATE_DICT", "the checkpoint is an ordinary folder"

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import TrainingError
from synth.sample import problem_row
from train_stages.config import RlConfig, SftConfig
from train_stages.process.job import Job
from train_stages.process.launch import CONFIGURATIONS, command
from train_stages.process.stage import enough_memory
from train_stages.stages.rl import check_rl
from train_stages.stages.sft import check_sft, sft


def test_what_carries_loss_is_shown_and_memory_is_estimated(base, rows, problems, tmp_path):
    pq.write_table(rows, tmp_path / "rows.parquet")

    def check(**options):
        return check_sft(Job(parent=base, rows=tmp_path / "rows.parquet", out=tmp_path / "out", options=options))

    seen = check(device="cpu")
    assert seen["one_row"] == f"<|user|>{problems[0].prompt}<|assistant|>>>{problems[0].solution}<|end|><<"
    assert 0 < seen["share_with_loss"] < 1 and seen["rows"] == len(problems) and not (tmp_path / "out").exists()
    with pytest.raises(TrainingError, match=r"GiB are free .* set micro_batch_tokens to at most"):
        check(device="cpu", batch_tokens=10**11)
    with pytest.raises(TrainingError, match="no row to train on is left: 120 are longer than max_length = 8"):
        check(device="cpu", max_length=8)


def test_each_kind_of_problem_is_rewarded_before_a_training(base, problems, tmp_path):
    table = pa.Table.from_pylist([problem_row(problem, split="train", night="n") for problem in problems[:5]])
    pq.write_table(table, tmp_path / "problems.parquet")

    def check(**options):
        return check_rl(Job(parent=base, rows=tmp_path / "problems.parquet", out=tmp_path / "out", options=options))

    assert check(max_tokens=32, device="cpu")["rewarded"] == {"arithmetic": problems[0].gold}
    with pytest.raises(TrainingError, match="lower max_tokens"):
        check(max_tokens=4096, device="cpu")


def test_several_processes_are_started_by_accelerate(tmp_path):
    from accelerate.commands.config.config_args import load_config_from_file

    for name in ("ddp", "fsdp"):
        arguments = command("sft", tmp_path / "job.json", name)
        assert arguments[1:4] == ["-m", "accelerate.commands.launch", "--config_file"]
        assert load_config_from_file(arguments[4]).distributed_type in ("MULTI_GPU", "FSDP")
    assert load_config_from_file(str(CONFIGURATIONS / "deepspeed.yaml")).deepspeed_config["zero_stage"] == 3
    with pytest.raises(TrainingError, match="neither one of ddp, deepspeed, fsdp nor a file"):
        command("sft", tmp_path / "job.json", "fdsp")


def test_a_missing_device_and_a_full_memory_are_sentences_with_the_setting_to_change(base, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"PyTorch sees no GPU: .* or set device: auto"):
        sft(base, rows, tmp_path / "out", SftConfig(device="cuda"))
    assert not (tmp_path / "out").exists()
    for config, half in (
        (SftConfig(batch_tokens=4096), "2,048"),
        (RlConfig(prompts_per_step=4, samples=8, max_tokens=100), "1,600"),
    ):
        with pytest.raises(TrainingError, match=f"set micro_batch_tokens to {half}"), enough_memory("x", config):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    with pytest.raises(RuntimeError, match="something else"), enough_memory("x", config):
        raise RuntimeError("something else")

"""Adapters: what is trained, kept, merged, resumed and refused; a tiny model made on the spot."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import CheckpointError, RecipeError, TrainingError
from storage.models.adapters import base_of, export, is_adapter, merged_folder, whole
from storage.models.checkpoints import checkpoint_digest
from storage.models.precision import precisions
from synth.engines.sampler import Sampler
from tests.extension.example_parts.losses import MinorSft
from tests.train_stages.every import read
from tests.train_stages.process.test_states import AT_STEP_7, Stage, killed
from train_stages.config import PreferenceConfig, RlConfig, SftConfig
from train_stages.process.job import Job
from train_stages.stages.preference import preference
from train_stages.stages.rl import rl
from train_stages.stages.sft import check_sft, sft

pytestmark = pytest.mark.slow

ADAPTER = {"r": 4, "alpha": 8}
OPTIONS = {
    "batch_tokens": 512,
    "max_length": 128,
    "device": "cpu",
    "log_every": 1,
    "learning_rate": 0.02,
    "adapter": ADAPTER,
}


def tensors(folder):
    return load_file(folder / "adapter_model.safetensors")


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()


@pytest.fixture(scope="module")
def half(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("half") / "base"
    AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tuned(half, rows, tmp_path_factory):
    return sft(half, rows, half.parent / "tuned", SftConfig(epochs=2, **OPTIONS))


def test_only_the_adapter_is_trained_and_kept(half, tuned):
    assert tuned.metrics["loss"] < tuned.metrics["first_loss"]
    assert is_adapter(tuned.path) and base_of(tuned.path) == half and not is_adapter(half)
    names = {path.name for path in tuned.path.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "base.json", "config.json", "tokenizer.json"} <= names
    assert "model.safetensors" not in names and "README.md" not in names
    about = json.loads((tuned.path / "base.json").read_text())
    assert about == {"checkpoint_id": checkpoint_digest(half), "path": "../base"}
    assert {value.shape[0] for name, value in tensors(tuned.path).items() if "lora_A" in name} == {4}
    assert sum(value.numel() for value in tensors(tuned.path).values()) < 0.5 * sum(
        v.numel() for v in weights(half).values()
    )


def test_whole_weights_are_base_and_adapter_by_the_formula(half, tuned):
    merged = whole(tuned.path)
    assert merged == merged_folder(tuned.path) and whole(tuned.path) == merged and whole(half) == half
    assert precisions(merged) == precisions(half), "in the precision of the base"
    adapter, before, after = tensors(tuned.path), weights(half), weights(merged)
    changed = 0
    for name, value in before.items():
        key = f"base_model.model.{name.removesuffix('.weight')}"
        expected = value
        if f"{key}.lora_A.weight" in adapter:
            changed += 1
            expected = value + 8 / 4 * adapter[f"{key}.lora_B.weight"] @ adapter[f"{key}.lora_A.weight"]
        assert torch.equal(after[name], expected.to(torch.bfloat16).float()), name
    assert changed == 7, "every linear layer of the one block"
    assert AutoTokenizer.from_pretrained(merged).chat_template == AutoTokenizer.from_pretrained(half).chat_template


def test_who_asks_an_adapter_asks_the_merged_model(half, tuned):
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(half, dtype=torch.float32), tuned.path)
    sampler = Sampler(tuned.path, device="cpu")
    ids = torch.tensor([sampler.tokenizer("Ann has 5.")["input_ids"]])
    with torch.no_grad():
        torch.testing.assert_close(sampler.model(ids).logits, model(ids).logits, rtol=0.05, atol=0.05)


def test_an_adapter_on_an_adapter(tuned, rows):
    second = sft(tuned.path, rows.slice(0, 40), tuned.path.parent / "second", SftConfig(**OPTIONS))
    assert base_of(second.path) == tuned.path
    before, after = weights(whole(tuned.path)), weights(whole(second.path))
    assert any(not torch.equal(value, after[name]) for name, value in before.items())


def test_a_base_that_is_gone_or_another_is_named(base, tuned, tmp_path):
    shutil.copytree(tuned.path, tmp_path / "tuned")
    with pytest.raises(CheckpointError, match=r"tuned is an adapter of .*base, which is gone; restore it"):
        whole(tmp_path / "tuned")
    shutil.copytree(base, tmp_path / "base")
    with pytest.raises(CheckpointError, match=r"is not the checkpoint .* that the adapter tuned was trained from"):
        whole(tmp_path / "tuned")
    assert not list(tmp_path.glob(".*"))


def test_a_killed_training_goes_on_to_the_same_adapter(base, rows, tmp_path):
    """By SIGKILL, in a process of its own, in the middle of a step."""
    pq.write_table(rows, tmp_path / "rows.parquet")
    options = {**OPTIONS, "epochs": 2, "save_every": 3}
    once = Stage("sft", tmp_path, base, "rows.parquet", "once", **options).run()
    stage = Stage("sft", tmp_path, base, "rows.parquet", "killed", **options)
    killed(stage, AT_STEP_7)
    again = stage.run()
    assert json.loads((again / "training.json").read_text())["metrics"]["resumed_at_step"] == 6
    assert all(torch.equal(value, tensors(again)[name]) for name, value in tensors(once).items())
    assert checkpoint_digest(once) == checkpoint_digest(again)


@pytest.mark.parametrize("loss", ["sigmoid_norm", "orpo", "kto"])
def test_preference_with_an_adapter(base, problems, tmp_path, loss):
    asked = [[{"role": "user", "content": p.prompt}] for p in problems[:8]]
    sides = {side: [[{"role": "assistant", "content": text(p)}] for p in problems[:8]]
             for side, text in (("chosen", lambda p: p.solution), ("rejected", lambda p: "#### -1"))}  # fmt: skip
    options = {**OPTIONS, "loss": loss, "epochs": 3}
    result = preference(base, pa.table({"prompt": asked, **sides}), tmp_path / "out", PreferenceConfig(**options))
    assert is_adapter(result.path) and any(
        value.abs().sum() > 0 for n, value in tensors(result.path).items() if "lora_B" in n
    )


def test_rl_with_an_adapter(base, problems, tmp_path):
    options = {name: value for name, value in OPTIONS.items() if name != "batch_tokens"}
    sampling = {"steps": 2, "prompts_per_step": 2, "samples": 4, "max_tokens": 8}
    result = rl(
        base, problems[:6], tmp_path / "rl", RlConfig(loss={"kind": "grpo", "beta": 0.1}, **sampling, **options)
    )
    assert is_adapter(result.path) and result.metrics["steps"] == 2


def test_settings_of_adapters():
    assert read("sft", adapter={}).learning_rate == pytest.approx(1e-4)
    assert read("sft", adapter={}, learning_rate=1e-5).learning_rate == 1e-5
    assert read("rl", adapter={"targets": ["q_proj"]}).learning_rate == pytest.approx(1e-5)
    assert read("sft").learning_rate == 1e-5
    for options, message in (
        ({"adapter": {"rank": 8}}, "adapter.rank"),
        ({"adapter": {}, "optimiser": "muon"}, "set optimiser: adamw"),
    ):
        with pytest.raises(RecipeError, match=message):
            read("sft", **options)
    with pytest.raises(RecipeError, match="set rollouts: transformers"):
        read("rl", adapter={}, rollouts="vllm")


def test_a_preflight_counts_what_is_trained_and_refuses_what_cannot_be(base, rows, tmp_path):
    pq.write_table(rows, tmp_path / "rows.parquet")

    def check(**options):
        job = Job(
            parent=base, rows=tmp_path / "rows.parquet", out=tmp_path / "out", options={"device": "cpu", **options}
        )
        return check_sft(job)

    whole_weights, adapter = check(), check(adapter=ADAPTER)
    assert whole_weights["trained_parameters"] == whole_weights["parameters"] == adapter["parameters"]
    assert 0 < adapter["trained_parameters"] < 0.5 * adapter["parameters"]
    with pytest.raises(TrainingError, match=r"adapter.quantise = 'nf4' needs a GPU and bitsandbytes"):
        check(adapter={"quantise": "nf4"})
    with pytest.raises(TrainingError, match=r"adapter.targets = \['nothing'\]"):
        check(adapter={"targets": ["nothing"]})


def test_an_export_needs_nothing_else(half, tuned, tmp_path):
    export(tuned.path, tmp_path / "whole")
    before, after = weights(whole(tuned.path)), weights(tmp_path / "whole")
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    export(tuned.path, tmp_path / "alone", adapter=True)
    assert "config.json" not in {path.name for path in (tmp_path / "alone").iterdir()}
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(half, dtype=torch.float32), tmp_path / "alone"
    )
    assert model.peft_config["default"].r == 4
    with pytest.raises(CheckpointError, match="exists; name a folder that does not"):
        export(tuned.path, tmp_path / "alone")
    with pytest.raises(CheckpointError, match="is no adapter; leave --adapter out"):
        export(half, tmp_path / "other", adapter=True)


def test_a_loss_with_a_reference_takes_the_model_without_its_adapter(base, rows, tmp_path):
    loss = MinorSft()
    options = {**OPTIONS, "loss": loss, "epochs": 3}
    adapted = sft(base, rows.slice(0, 40), tmp_path / "adapted", SftConfig(**options))
    plain = sft(base, rows.slice(0, 40), tmp_path / "plain", SftConfig(**{**options, "adapter": None}))
    first, second = ([entry["loss"] for entry in result.history if "loss" in entry] for result in (adapted, plain))
    assert first[0] == pytest.approx(second[0], rel=1e-5), "the same model and the same reference"
    assert first[-1] != pytest.approx(first[0], rel=1e-3)

"""A checkpoint has the precision of its parent, tensor by tensor, also when its weights lie in several files."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.models.precision import INDEX, keep_precision, precisions
from train_stages.config import SftConfig
from train_stages.stages.sft import sft


@pytest.fixture(scope="module")
def half(base, tmp_path_factory):
    """The base in bfloat16, its norms in float32."""
    folder = tmp_path_factory.mktemp("half") / "base"
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model.model.norm.to(torch.float32)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def test_a_stage_writes_the_precision_of_its_parent(base, half, rows, tmp_path):
    options = {"batch_tokens": 256, "max_length": 128, "device": "cpu", "learning_rate": 0.01}
    result = sft(half, rows.slice(0, 24), tmp_path / "half", SftConfig(**options))
    assert precisions(result.path) == precisions(half)
    assert set(precisions(half).values()) == {"BF16", "F32"}
    assert json.loads((result.path / "config.json").read_text())["dtype"] == "bfloat16"
    before, after = (AutoModelForCausalLM.from_pretrained(path).state_dict() for path in (half, result.path))
    assert any(not torch.equal(value, after[name]) for name, value in before.items()), "it did learn"
    whole = sft(base, rows.slice(0, 24), tmp_path / "whole", SftConfig(**options))
    assert set(precisions(whole.path).values()) == {"F32"}
    assert result.metrics["steps"] < 10 and result.metrics["loss"] > 0, "fewer steps than log_every have a loss too"


def test_weights_in_several_files_are_rewritten_each(base, half, tmp_path):
    AutoModelForCausalLM.from_pretrained(half, dtype=torch.float32).save_pretrained(tmp_path, max_shard_size="40KB")
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert len(files) > 1 and set(precisions(tmp_path).values()) == {"F32"}
    keep_precision(tmp_path, half)
    assert precisions(tmp_path) == precisions(half)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == files
    before, after = (AutoModelForCausalLM.from_pretrained(path).state_dict() for path in (half, tmp_path))
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    size = json.loads((tmp_path / INDEX).read_text())["metadata"]["total_size"]
    tensors = [tensor for path in tmp_path.glob("*.safetensors") for tensor in load_file(path).values()]
    assert size == sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_a_parent_that_is_no_safetensors_changes_nothing(base, tmp_path):
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path / "made")
    content = (tmp_path / "made" / "model.safetensors").read_bytes()
    (tmp_path / "parent").mkdir()
    keep_precision(tmp_path / "made", tmp_path / "parent")
    assert (tmp_path / "made" / "model.safetensors").read_bytes() == content

"""Sums of checkpoints: by hand, exact in both directions, in the precision of the start, and refused where shapes differ."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from storage.errors import CheckpointError
from storage.models.merging import Vector, combine


def checkpoint(folder, dtype=torch.float32, **tensors):
    folder.mkdir()
    save_file({name: torch.tensor(value, dtype=dtype) for name, value in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"name": folder.name}))
    (folder / "training.json").write_text("{}")
    return folder


def combined(folder, start, *vectors):
    folder.mkdir()
    return combine(start, [Vector(*vector) for vector in vectors], folder), load_file(folder / "model.safetensors")


def test_a_sum_by_hand(tmp_path):
    start = checkpoint(tmp_path / "start", a=[1.0, 2.0], b=[[4.0]])
    base = checkpoint(tmp_path / "base", a=[0.0, 1.0], b=[[1.0]])
    first = checkpoint(tmp_path / "one", a=[2.0, 1.0], b=[[1.0]])
    second = checkpoint(tmp_path / "other", a=[0.0, 5.0], b=[[3.0]])
    moved, metrics = combined(tmp_path / "out", start, (first, base, 0.5), (second, base, -0.25))
    assert metrics["a"].tolist() == [2.0, 1.0] and metrics["b"].tolist() == [[3.5]]
    assert moved == pytest.approx((2.25 / 21) ** 0.5)
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == {"name": "start"}
    assert not (tmp_path / "out" / "training.json").exists(), "what says how the start was trained is not of the sum"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adding_gives_the_model_and_taking_away_gives_the_base_to_the_bit(tmp_path, dtype):
    torch.manual_seed(0)
    base = checkpoint(tmp_path / "base", dtype, a=torch.randn(50, 3).tolist())
    tuned = checkpoint(tmp_path / "tuned", dtype, a=(torch.randn(50, 3) * 1e-3).tolist())
    for start, weight, result in ((base, 1.0, tuned), (tuned, -1.0, base)):
        _, merged = combined(tmp_path / f"out{weight}", start, (tuned, base, weight))
        assert torch.equal(merged["a"], load_file(result / "model.safetensors")["a"]) and merged["a"].dtype == dtype


def test_other_shapes_are_refused_by_name(tmp_path):
    start = checkpoint(tmp_path / "start", a=[1.0, 2.0])
    for number, tensors in enumerate(({"a": [1.0]}, {"b": [1.0, 2.0]})):
        other = checkpoint(tmp_path / f"other{number}", **tensors)
        with pytest.raises(CheckpointError, match=rf"a is .* in other{number}, \[2\] in start"):
            combined(tmp_path / f"out{number}", start, (other, other, 1.0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"empty holds no \*.safetensors"):
        combined(tmp_path / "out", start, (tmp_path / "empty", start, 1.0))

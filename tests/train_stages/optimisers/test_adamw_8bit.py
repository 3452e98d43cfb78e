from importlib.util import find_spec

import pytest
import torch

from storage.errors import TrainingError
from train_stages.optimisers import OPTIMISERS
from train_stages.process.memory import estimate


def stepped(name):
    torch.manual_seed(1)
    layer = torch.nn.Linear(128, 64, bias=False)  # 8,192 numbers: enough for 8 bits
    optimiser = OPTIMISERS.make(name).build(layer, learning_rate=0.01, weight_decay=0.0)
    for seed in range(3):
        layer.weight.grad = torch.randn(64, 128, generator=torch.Generator().manual_seed(seed))
        optimiser.step()
    return layer.weight.detach(), optimiser.state[layer.weight]


@pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="an extra: it says so much on a CPU that nobody is given it unasked"
)
def test_moments_take_a_byte_each_and_the_steps_are_near_those_of_adamw():
    (exact, _), (weight, state) = stepped("adamw"), stepped("adamw_8bit")
    moments = [value for value in state.values() if torch.is_tensor(value) and value.shape == weight.shape]
    assert [moment.dtype for moment in moments] == [torch.uint8, torch.uint8]
    scales = sum(state[name].numel() * 4 for name in ("absmax1", "absmax2"))
    assert (2 * weight.numel() + scales) / weight.numel() == OPTIMISERS.get("adamw_8bit").bytes_a_weight
    apart = (weight - exact).abs()
    assert 0 < apart.mean() < 0.003 and not torch.equal(weight, exact)  # three steps of about .01


def test_the_estimate_of_memory_counts_eight_bits():
    from transformers import LlamaConfig

    from train_stages.config import SftConfig

    def moments(**settings):
        config = SftConfig(device="cpu", **settings)
        return estimate(
            LlamaConfig(), 10**9, 10**9, config, tokens=1, copies=1, head="chunked", gpu=False
        ).moments  # fmt: skip

    assert moments() == 8e9 and moments(optimiser="adamw_8bit") == pytest.approx(2.03e9, rel=0.01)


def test_without_the_package_it_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("train_stages.optimisers.base.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="pip install bitsandbytes"):
        OPTIMISERS.make("adamw_8bit").check()
    OPTIMISERS.make("adamw").check()

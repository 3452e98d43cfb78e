"""What ewc holds and what it lets go, against controls; and where its measurement comes from."""

import numpy as np
import pytest
import torch

from storage.errors import TrainingError
from train_stages.config import FisherConfig, SftConfig
from train_stages.process.regularising import IMPORTANCE, Bound
from train_stages.regularisers.ewc import Ewc
from train_stages.regularisers.l2_to_parent import L2ToParent
from train_stages.stages.fisher import fisher, information
from train_stages.stages.sft import encode, sft


def second_task(regularisers, folder):
    """A model that knows a first task by its first weight learns a second one, which both weights could serve.

    Returns the losses of both tasks after it.
    """
    model = torch.nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, 0.0]])
    file = folder / IMPORTANCE
    np.savez(file, weight=np.array([[1.0, 0.0]]))  # the first task is y = x1 alone
    bound = Bound(regularisers, model, file)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    bound.attach(optimiser)
    for _ in range(400):
        optimiser.zero_grad()
        ((model(torch.tensor([[1.0, 1.0]])) - 3.0) ** 2).sum().backward()  # w1 + w2 = 3
        optimiser.step()
    first, second = model.weight.detach()[0]
    return float((first - 1) ** 2), float((first + second - 3) ** 2)


def test_what_the_first_task_needs_is_kept_while_the_second_is_learned(tmp_path):
    plain = second_task([], tmp_path)
    ewc = second_task([Ewc(weight=10)], tmp_path)
    l2 = second_task([L2ToParent(weight=1)], tmp_path)
    assert plain[0] == pytest.approx(1, abs=1e-3) and plain[1] < 1e-6, "without it both weights move by 1"
    assert ewc[0] < 1e-3 and ewc[1] < 1e-3, "the free weight learns it all"
    assert l2[1] > 0.1, "a pull on all weights alike keeps the second task from being learned"


def test_where_nothing_matters_it_is_no_different(tmp_path):
    np.savez(tmp_path / IMPORTANCE, weight=np.zeros((1, 2)))
    model = torch.nn.Linear(2, 1, bias=False)
    before = model.weight.detach().clone()
    bound = Bound([Ewc(weight=100)], model, tmp_path / IMPORTANCE)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    bound.attach(optimiser)
    for _ in range(3):
        model.weight.grad = torch.ones_like(model.weight)
        optimiser.step()
    torch.testing.assert_close(model.weight.detach(), before - 0.3)


def test_without_a_measurement_the_stage_that_makes_it_is_named(base, rows, tmp_path):
    config = SftConfig(regularisers=["ewc"], device="cpu", max_length=128)
    with pytest.raises(TrainingError, match="put a stage fisher before this one"):
        sft(base, rows.slice(0, 4), tmp_path / "out", config)


@pytest.mark.slow
def test_the_measurement_is_the_mean_squared_gradient(base, rows, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = FisherConfig(examples=3, labels="data", device="cpu", max_length=128)
    made = fisher(base, rows.slice(0, 3), tmp_path / "out", config)
    with np.load(made.path / IMPORTANCE) as file:
        measured = dict(file)
    model = AutoModelForCausalLM.from_pretrained(base)
    encoded = encode(AutoTokenizer.from_pretrained(base), rows.slice(0, 3), SftConfig(max_length=128)).table
    expected = {name: np.zeros(weight.shape, np.float32) for name, weight in model.named_parameters()}
    for row in encoded.to_pylist():
        model.zero_grad()
        loss = model(input_ids=torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss
        tokens = sum(label >= 0 for label in row["labels"][1:])
        (-loss * tokens).backward()
        for name, weight in model.named_parameters():
            expected[name] += weight.grad.numpy() ** 2 / 3
    assert set(measured) == set(expected) and made.metrics["rows"] == 3
    for name, values in expected.items():
        np.testing.assert_allclose(measured[name], values, rtol=1e-3, atol=1e-7)
    unchanged = AutoModelForCausalLM.from_pretrained(made.path).state_dict()
    assert all(torch.equal(unchanged[name], value) for name, value in model.state_dict().items())


def test_tokens_are_drawn_from_the_model_by_the_seed(base, rows):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base)
    encoded = encode(AutoTokenizer.from_pretrained(base), rows.slice(0, 2), SftConfig(max_length=128)).table
    config = FisherConfig(device="cpu")
    one, again, other = (information(model, encoded, config, seed)[0] for seed in (1, 1, 2))
    name = next(iter(one))
    assert np.array_equal(one[name], again[name]) and not np.array_equal(one[name], other[name])

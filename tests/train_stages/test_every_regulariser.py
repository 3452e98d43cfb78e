"""Every regulariser: by hand, neutral where it says so, and the same weights after a training that broke off."""

import numpy as np
import pytest
import torch

from tests.train_stages import every
from train_stages.process.regularising import Bound
from train_stages.regularisers import REGULARISERS

PARTS = REGULARISERS.all()
SETTINGS = {"sub_tuning": {"layers": [0]}, "ewc": {"weight": 10.0}, "l2_to_parent": {"weight": 1.0}}


@pytest.mark.parametrize("name", [name for name in PARTS if name != "sub_tuning"])
def test_it_is_described(name):
    every.check_described(REGULARISERS, name)


def descended(part, example, folder):
    """The weight after gradient descent by the example's gradients."""
    model = torch.nn.Module()
    model.w = torch.nn.Parameter(torch.tensor(example.weight, dtype=torch.float64))
    importance = folder / "fisher.npz" if part.needs_importance else None
    if importance is not None:
        np.savez(importance, w=np.array(example.importance))
    optimiser = torch.optim.SGD(model.parameters(), lr=example.learning_rate)
    Bound([part], model, importance).attach(optimiser)
    for gradient in example.gradients:
        model.w.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
    return model.w.detach()


@pytest.mark.parametrize("name", [name for name in PARTS if PARTS[name].examples])
def test_it_is_what_was_worked_out_by_hand(name, tmp_path):
    for example in PARTS[name].examples:
        after = descended(PARTS[name](**example.settings), example, tmp_path)
        torch.testing.assert_close(after, torch.tensor(example.expected, dtype=torch.float64), rtol=0, atol=1e-9)
        if PARTS[name].neutral is not None:
            plain = torch.tensor(example.weight, dtype=torch.float64)
            for gradient in example.gradients:
                plain -= example.learning_rate * torch.tensor(gradient, dtype=torch.float64)
            still = descended(PARTS[name](**PARTS[name].neutral), example, tmp_path)
            torch.testing.assert_close(still, plain, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def measured(base, rows, tmp_path_factory):
    """The base with what the stage `fisher` measured beside it."""
    from train_stages.config import FisherConfig
    from train_stages.stages.fisher import fisher

    out = tmp_path_factory.mktemp("measured") / "base"
    return fisher(base, rows.slice(0, 20), out, FisherConfig(examples=5, device="cpu", max_length=128)).path


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(measured, rows, tmp_path, name):
    regularisers = [{"kind": name, **SETTINGS.get(name, {})}]
    options = {"regularisers": regularisers, "learning_rate": 1e-3, "batch_tokens": 256}
    every.check_resume("sft", measured, rows.slice(0, 60), tmp_path, **options)

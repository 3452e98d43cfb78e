"""The default schedule is transformers' own, to the last bit."""

import math

import pytest
import torch
from transformers import get_wsd_schedule

from train_stages.schedules.warmup_stable_decay import WarmupStableDecay


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 333])
@pytest.mark.parametrize(("warmup", "decay"), [(0.02, 0.5), (0.1, 0.9), (0, 0), (0.5, 0.3), (1, 0)])
def test_it_is_transformers(steps, warmup, decay):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    first, last = math.ceil(warmup * steps), round(decay * steps)
    if first + last > steps:
        pytest.skip("transformers refuses a stable phase of less than no steps")
    theirs = get_wsd_schedule(optimiser, first, last, num_training_steps=steps, decay_type="linear").lr_lambdas[0]
    schedule = WarmupStableDecay(warmup=warmup, decay=decay)
    assert [schedule(step, steps) for step in range(steps + 1)] == [theirs(step) for step in range(steps + 1)]

"""The default schedule is transformers' own, one step earlier in its warm-up: no step is at a learning rate of 0."""

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
    rise = [(step + 1) / first for step in range(first)]
    assert [schedule(step, steps) for step in range(steps + 1)] == rise + [
        theirs(step) for step in range(first, steps + 1)
    ]
    assert all(schedule(step, steps) > 0 for step in range(steps))

"""Every optimiser: by hand, also when it is saved and loaded between two steps, and after a training that broke off."""

from importlib.util import find_spec

import pytest

from tests.train_stages import every
from train_stages.optimisers import OPTIMISERS

PARTS = OPTIMISERS.all()
HERE = [name for name, part in PARTS.items() if not part.package or find_spec(part.package)]
"""Those whose package is installed."""


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(OPTIMISERS, name)


@pytest.mark.parametrize("name", HERE)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_optimiser(PARTS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(base, rows, tmp_path, name):
    options = {"optimiser": name, "learning_rate": 3e-3, "batch_tokens": 512, "weight_decay": 0.1, "epochs": 2}
    whole = every.check_resume("sft", base, rows, tmp_path, **options)
    assert whole.metrics["loss"] < whole.metrics["first_loss"]

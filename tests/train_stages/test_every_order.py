"""Every order: by hand, a function of its seed, whole, and the same after a training that broke off."""

import pytest

from tests.train_stages import every
from train_stages.orders import ORDERS

PARTS = ORDERS.all()


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(ORDERS, name)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_order(PARTS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(base, rows, tmp_path, name):
    options = {"order": name, "learning_rate": 1e-3, "batch_tokens": 256, "epochs": 1.5}
    every.check_resume("sft", base, rows.slice(0, 40), tmp_path, **options)

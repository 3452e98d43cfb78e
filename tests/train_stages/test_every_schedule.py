"""Every schedule: by hand, never beyond its peak, what the trainer follows, also after it broke off."""

import pytest

from tests.train_stages import every
from train_stages.schedules import SCHEDULES

PARTS = SCHEDULES.all()


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(SCHEDULES, name)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_schedule(PARTS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_the_trainer_follows_it_also_after_it_broke_off(base, rows, tmp_path, name):
    schedule = {"kind": name, "warmup": 0.4}
    options = {"schedule": schedule, "learning_rate": 1e-3, "batch_tokens": 256}
    whole = every.check_resume("sft", base, rows.slice(0, 40), tmp_path, **options)
    rates = [entry["learning_rate"] for entry in whole.history if "learning_rate" in entry]
    factors = SCHEDULES.read(schedule, "schedule")
    assert rates == pytest.approx([1e-3 * factors(step, len(rates)) for step in range(len(rates))], abs=1e-12)

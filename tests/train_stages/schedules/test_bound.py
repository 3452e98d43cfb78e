"""The bound of convex theory: against the sum as it is written, its known values, and a convex problem."""

import math

import numpy as np
import pytest

from train_stages.schedules import SCHEDULES
from train_stages.schedules.bound import best, bound, factors, transfer


def as_written(shares, rate, distance=1.0, gradient=1.0):
    """The formula of the paper, summed term by term."""
    steps, rates = len(shares), [rate * share for share in shares]
    total = (distance**2 + sum(r * r for r in rates) * gradient**2) / (2 * sum(rates))
    for k in range(steps - 1):
        after = sum(rates[k + 1 :])
        total += rates[k] / after * sum(r * r for r in rates[k:]) * gradient**2 / sum(rates[k:]) / 2
    return total


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_it_is_the_formula(name):
    shares = [share for share in factors(SCHEDULES.make(name, warmup=0.1), 37) if share > 0]
    assert bound(shares, 0.3, distance=2, gradient=3) == pytest.approx(as_written(shares, 0.3, 2, 3), rel=1e-12)
    rate, lowest = best(shares, distance=2, gradient=3)
    assert bound(shares, rate, distance=2, gradient=3) == pytest.approx(lowest)
    assert min(bound(shares, rate * factor, distance=2, gradient=3) for factor in (0.9, 1.1)) > lowest


def test_a_straight_fall_has_no_logarithm_and_a_constant_rate_has_one():
    """By hand, for many steps: a linear decay gives d^2 / (rate T) + rate g^2, so 2 / sqrt(T); a constant rate has a log."""
    for steps in (100, 1000, 10_000):
        falling = [1 - step / steps for step in range(steps)]
        assert best(falling)[1] * math.sqrt(steps) == pytest.approx(2, rel=0.03)
        constant = best([1.0] * steps)[1] * math.sqrt(steps)
        assert constant == pytest.approx(math.sqrt(1 + math.log(steps)), rel=0.1)


def test_a_decay_at_the_end_is_worth_as_much_as_one_all_along():
    steps = 1000
    lowest = {
        name: best(factors(SCHEDULES.make(name, warmup=0.02), steps))[1]
        for name in ("constant", "cosine", "warmup_stable_decay")
    }
    assert lowest["warmup_stable_decay"] < 0.75 * lowest["constant"]
    assert lowest["warmup_stable_decay"] == pytest.approx(lowest["cosine"], rel=0.05)


def test_rates_that_are_carried_over():
    """Four times the steps of one shape: half the rate; a constant schedule wants less than one that falls."""
    fall = {steps: [1 - step / steps for step in range(steps)] for steps in (1000, 4000)}
    assert transfer(fall[1000], fall[4000]) == pytest.approx(0.5, rel=0.01)
    assert transfer(fall[1000], fall[1000]) == 1
    assert transfer([1.0] * 1000, fall[1000]) > 2


def test_the_subgradient_method_stays_below_it():
    """The last step on |x| from 1, whose subgradients are 1, and whose optimum is at a distance of 1."""
    for name in SCHEDULES.names():
        shares = factors(SCHEDULES.make(name, warmup=0.1), 50)
        for rate in (0.02, 0.05, 0.2):
            place = 1.0
            for share in shares[:-1]:  # the bound is of the point that the last step is taken from
                place -= rate * share * float(np.sign(place))
            assert abs(place) <= bound(shares, rate) + 1e-12


def test_a_schedule_that_never_moves_is_refused():
    with pytest.raises(ValueError, match="a step above 0"):
        best([0.0, 0.0])

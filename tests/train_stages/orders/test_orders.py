import numpy as np
import pytest

from storage.errors import TrainingError
from train_stages.orders import ORDERS
from train_stages.orders.base import kendall_tau, order_rows
from train_stages.orders.cyclical import Cyclical
from train_stages.orders.two_set import TwoSet

HARD = [3, 1, 2, 1, 3, 2, 1, 2, 3]


def order(strategy, visits=9, **more):
    subjects = ["a", "b", "c"] * 3
    return order_rows(visits, ORDERS.make(strategy, **more), difficulty=HARD, subjects=subjects, seed=1).tolist()


def test_curricula_run_from_easy_to_hard_and_back():
    assert [HARD[row] for row in order("easy_to_hard")] == sorted(HARD)
    assert [HARD[row] for row in order("hard_to_easy", 18)] == sorted(HARD, reverse=True) * 2
    assert kendall_tau(np.array(order("easy_to_hard")), HARD) == pytest.approx(1, abs=0.2)
    assert sorted(order("random")) == list(range(9)) and order("random") == order("random") != order("random")[::-1]
    with pytest.raises(TrainingError, match="no row"):
        order_rows(3, ORDERS.make("random"), difficulty=[])


def test_cyclical_pacing_is_the_authors():
    sizes = Cyclical().pacing(5)
    assert sizes == [0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5] and sum(sizes) == 5.25


def test_a_cycle_repeats_no_row_and_prefers_easy_ones():
    hard = np.arange(400)
    drawn = order_rows(400, Cyclical(), difficulty=hard, seed=0)
    first, second = drawn[:100], drawn[100:300]
    assert len(set(first)) == 100 and len(set(second)) == 200
    assert hard[first].mean() < 160 < 199.5, "uniform draws would average 199.5"


def test_levels_advance_together_and_subjects_take_turns():
    rows = order("interleaved")
    assert [HARD[row] for row in rows] == sorted(HARD)
    subjects = [["a", "b", "c"][row % 3] for row in rows]
    for level in (1, 2, 3):
        within = [subject for subject, row in zip(subjects, rows, strict=True) if HARD[row] == level]
        available = {name: within.count(name) for name in within}
        for cut in range(1, min(available.values()) * len(available) + 1):
            counts = [within[:cut].count(name) for name in available]
            assert max(counts) - min(counts) <= 1
    blocked = [["a", "b", "c"][row % 3] for row in order("blocked")]
    assert blocked == sorted(blocked)


def test_two_set_repeats_a_fixed_small_set_with_its_probability():
    config = TwoSet(share=0.05, probability=0.25, most_repeats=1000)
    drawn = order_rows(2000, config, difficulty=np.zeros(1000), seed=3)
    rows, counts = np.unique(drawn, return_counts=True)
    small = rows[counts > 2]
    assert len(small) == 50, "five per cent of the rows, and always the same"
    inside = np.isin(drawn, small).sum()
    assert abs(inside - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5
    assert counts[~np.isin(rows, small)].max() - counts[~np.isin(rows, small)].min() <= 1, (
        "the others are used up evenly"
    )
    capped = order_rows(2000, config.model_copy(update={"most_repeats": 2}), difficulty=np.zeros(1000), seed=3)
    assert np.isin(capped, small).sum() == 100

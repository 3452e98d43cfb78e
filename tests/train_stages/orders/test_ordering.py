import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import TrainingError
from train_stages.config import OrderConfig
from train_stages.data.batches import best_fit, plan_packed, plan_padded
from train_stages.orders.ordering import kendall_tau, order_rows, pacing

HARD = [3, 1, 2, 1, 3, 2, 1, 2, 3]


def order(strategy, visits=9, **more):
    subjects = ["a", "b", "c"] * 3
    return order_rows(
        visits, OrderConfig(strategy=strategy, **more), difficulty=HARD, subjects=subjects, seed=1
    ).tolist()


def test_curricula_run_from_easy_to_hard_and_back():
    assert [HARD[row] for row in order("easy_to_hard")] == sorted(HARD)
    assert [HARD[row] for row in order("hard_to_easy", 18)] == sorted(HARD, reverse=True) * 2
    assert kendall_tau(np.array(order("easy_to_hard")), HARD) == pytest.approx(1, abs=0.2)
    assert (
        sorted(order("random")) == list(range(9))
        and order("random") == order("random") != order("random", 9, alpha=0.4)[::-1]
    )
    with pytest.raises(TrainingError, match="no row"):
        order_rows(3, OrderConfig(), difficulty=[])


def test_cyclical_pacing_is_the_authors():
    sizes = pacing(OrderConfig(strategy="cyclical"), 5)
    assert sizes == [0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5] and sum(sizes) == 5.25


def test_a_cycle_repeats_no_row_and_prefers_easy_ones():
    hard = np.arange(400)
    drawn = order_rows(400, OrderConfig(strategy="cyclical"), difficulty=hard, seed=0)
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
    config = OrderConfig(strategy="two_set", share=0.05, probability=0.25, most_repeats=1000)
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


@given(st.lists(st.integers(1, 64), min_size=1, max_size=80))
def test_best_fit_holds_every_item_once_and_overfills_nothing(lengths):
    bins = best_fit(lengths, 64)
    assert sorted(place for pack in bins for place in pack) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in pack) <= 64 for pack in bins)
    assert len(bins) <= 2 * -(-sum(lengths) // 64), "no two bins can be half empty"


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 120), st.booleans(), st.booleans())
def test_plans_hold_every_visit_once(lengths, visits, mixed, packed):
    chosen = np.arange(visits) % len(lengths)
    common = {"batch_tokens": 128, "mixed": mixed, "seed": 0}
    plan = (
        plan_packed(lengths, chosen, capacity=64, **common)
        if packed
        else plan_padded(lengths, chosen, micro_tokens=64, **common)
    )
    assert sorted(row for batch in plan.batches for row in batch) == sorted(chosen.tolist())
    assert plan.tokens == sum(lengths[row] for row in chosen)
    assert plan.steps == -(-len(plan.batches) // plan.accumulate)


def test_processes_take_the_same_number_of_micro_batches():
    plan = plan_padded([8] * 101, np.arange(101), batch_tokens=128, micro_tokens=32, mixed=True, seed=0, world=4)
    assert len(plan.batches) % (4 * plan.accumulate) == 0 and plan.accumulate == 1

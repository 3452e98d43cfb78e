"""Plans of micro-batches hold every visit once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train_stages.data.batches import best_fit, plan_packed, plan_padded


@given(st.lists(st.integers(1, 64), min_size=1, max_size=80))
def test_best_fit_holds_every_item_once_and_overfills_nothing(lengths):
    bins = best_fit(lengths, 64)
    assert sorted(item for pack in bins for item in pack) == list(range(len(lengths)))
    assert all(sum(lengths[item] for item in pack) <= 64 for pack in bins)
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

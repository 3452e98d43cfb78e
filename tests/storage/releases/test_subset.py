from hypothesis import given
from hypothesis import strategies as st

from storage.releases.subset import budget_words, equal_budget

ROWS = st.lists(st.integers(0, 50), max_size=40).map(
    lambda sizes: [{"sample_id": f"row {number}", "words": size} for number, size in enumerate(sizes)]
)


@given(ROWS, st.integers(0, 600), st.randoms(use_true_random=False))
def test_whole_rows_in_a_stable_order_within_the_budget(rows, budget, rng):
    picked = budget_words(rows, budget)
    assert sum(row["words"] for row in picked) <= budget
    mixed = rows[:]
    rng.shuffle(mixed)
    assert budget_words(mixed, budget) == picked
    assert budget_words(rows, budget // 2) == picked[: len(budget_words(rows, budget // 2))]
    assert len(budget_words(rows, sum(row["words"] for row in rows))) == len(rows)


def test_another_seed_picks_others_and_groups_get_the_same():
    rows = [{"sample_id": str(number), "words": 10} for number in range(100)]
    assert budget_words(rows, 500) != budget_words(rows, 500, seed=1)
    picked = equal_budget({"all": rows, "few": rows[:7]})
    assert {name: sum(row["words"] for row in part) for name, part in picked.items()} == {"all": 70, "few": 70}
    assert equal_budget({}) == {}

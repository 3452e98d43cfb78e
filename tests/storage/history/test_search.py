"""Look-ups by interpolation find what bisection finds, also where keys are not spread evenly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from storage.history import search
from storage.history.search import equal_range

TOP = 2**64 - 1
DRAWN = np.random.default_rng(5)
COLUMNS = {
    "even": DRAWN.integers(0, TOP, 50_000, np.uint64),
    "with buckets of many": np.repeat(DRAWN.integers(0, TOP, 500, np.uint64), 100),
    "all at one end": DRAWN.integers(0, 1_000, 50_000, np.uint64),
    "in two heaps": np.concatenate([np.arange(5_000, dtype=np.uint64), ~np.arange(5_000, dtype=np.uint64)]),
    "all one": np.full(1_000, 7, np.uint64),
    "few": np.array([0, 3, TOP], np.uint64),
    "none": np.zeros(0, np.uint64),
}


def same(column, wanted) -> bool:
    left, right = equal_range(column, wanted)
    return bool(
        (left == np.searchsorted(column, wanted, "left")).all()
        and (right == np.searchsorted(column, wanted, "right")).all()
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_it_is_what_bisection_finds(name):
    column = np.sort(COLUMNS[name])
    around = column[:: max(1, len(column) // 300)] if len(column) else column
    wanted = np.concatenate([around, around + np.uint64(1), around - np.uint64(1), np.array([0, TOP], np.uint64)])
    assert same(column, wanted) and same(column, np.sort(wanted)) and same(column, wanted[:0])


@given(arrays(np.uint64, st.integers(0, 400)), arrays(np.uint64, st.integers(0, 40)))
def test_for_any_keys(keys, wanted):
    assert same(np.sort(keys), np.concatenate([wanted, keys[:40]]))


def test_evenly_spread_keys_are_looked_into_at_few_places(monkeypatch):
    class Counted(np.ndarray):
        looks = 0

        def __getitem__(self, places):
            Counted.looks += np.size(places)
            return np.asarray(super().__getitem__(places))

    bisected = []
    monkeypatch.setattr(
        search.np, "searchsorted", lambda column, keys, side: bisected.extend(keys) or np.zeros(len(keys), np.int64)
    )
    column = np.sort(DRAWN.integers(0, TOP, 1_000_000, np.uint64))
    wanted = DRAWN.integers(0, TOP, 1_000, np.uint64)
    equal_range(column.view(Counted), wanted)
    assert not bisected
    assert Counted.looks < 13 * len(wanted)  # and about three pages; bisection, to either side, looks at 40

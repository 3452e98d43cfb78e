"""Two nights of the soak: `nightschool up` with a real server, workers and events, under faults. Seven are in `stress/`."""

import pytest

from benchmarks.soaking.soak import TWO, soak

pytestmark = pytest.mark.slow

SEED = 979_142
"""Of the moments of the faults; in `stress/` each run draws its own."""


@pytest.mark.timeout(900)
def test_two_nights_under_faults(monkeypatch):
    # So long may the machine's other work keep an answer from the disk.
    monkeypatch.setattr("benchmarks.soaking.faults.COMMIT_S", 2.0)
    books = soak(TWO, seed=SEED, problems=40, learns=False, say=print)
    assert set(books["releases_by_night"].values()) == {1}
    assert books["lost_rows"] == books["duplicate_rows"] == books["calls_repeated"] == 0
    assert (books["orphans"], books["stuck_leases"], books["lake_faults"], books["exit_of_up"]) == (0, 0, [], 0)

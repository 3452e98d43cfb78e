import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.catalog.catalog import catalog_of
from storage.catalog.leases import acquire, list_leases
from storage.errors import LeaseError
from storage.lake.lake import Lake, table_of
from storage.processes import pid_space

HOLDING = """
import sys, pathlib, time
from storage.catalog.catalog import catalog_of
from storage.catalog.leases import acquire
from storage.workspace import Workspace
acquire(catalog_of(Workspace.open(pathlib.Path(sys.argv[1]))), "training", purpose="a night", ttl_s=600)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def catalog(either):
    return catalog_of(either)


def test_one_holder_at_a_time_and_a_growing_token(catalog):
    with acquire(catalog, "training", purpose="tonight") as first:
        with pytest.raises(LeaseError, match=r"held by process \d+ here for tonight"):
            acquire(catalog, "training")
        assert [(lease.name, lease.token, lease.alive) for lease in list_leases(catalog)] == [("training", 1, True)]
        first.check()
    assert list_leases(catalog) == []
    second = acquire(catalog, "training")
    assert second.token == 2 and acquire(catalog, "other").token == 1
    with pytest.raises(LeaseError, match="token 2 was given out since"):
        first.check()


def test_a_lease_that_expired_is_taken_over_and_the_old_holder_is_refused(catalog):
    first = acquire(catalog, "training", ttl_s=0.05)
    time.sleep(0.1)
    first.check()  # nobody wanted it: still the last token
    second = acquire(catalog, "training")
    assert second.token == 2
    for use in (first.check, first.renew):
        with pytest.raises(LeaseError, match="is lost"):
            use()
    first.release()
    second.check()


def test_it_is_renewed_in_the_background(catalog):
    with acquire(catalog, "training", ttl_s=0.9) as lease:
        before = list_leases(catalog)[0].expires
        until = time.monotonic() + 30
        while list_leases(catalog)[0].expires <= before + 0.1:
            assert time.monotonic() < until
            time.sleep(0.05)
        lease.check()


def test_a_killed_holder_loses_it_at_once(either, catalog):
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(either.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(LeaseError, match=f"process {holder.pid} here for a night"):
        acquire(catalog, "training")
    holder.kill()
    holder.wait()
    assert [lease.alive for lease in list_leases(catalog)] == [False]
    assert acquire(catalog, "training").token == 2


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_is_set_ends_no_lease_and_keeps_none(either, catalog, monkeypatch, days):
    clock = time.time
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(either.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with (
        catalog.transaction() as execute
    ):  # one that cannot be looked at: a container of this machine, or another machine
        execute("update nightschool_leases set place = ?", [pid_space().replace("pid:[", "pid:[9")])
    monkeypatch.setattr(time, "time", lambda: clock() + 86_400 * days)
    with pytest.raises(LeaseError, match=f"process {holder.pid} "):
        acquire(catalog, "training")
    assert abs(list_leases(catalog)[0].expires - time.time() - 600) < 300, "told by the clock that people see"
    holder.kill()
    holder.wait()
    with catalog.transaction() as execute:
        execute("update nightschool_leases set place = ?", [pid_space()])
    assert acquire(catalog, "training").token == 2


def test_a_lease_of_before_the_machine_was_started_is_over(catalog):
    acquire(catalog, "training", ttl_s=600)
    with catalog.transaction() as execute:
        execute("update nightschool_leases set place = 'another boot pid:[1]'")
    assert [lease.alive for lease in list_leases(catalog)] == [not catalog.one_machine], "or it is another machine's"


def test_what_no_clock_of_ours_wrote_holds_nothing(catalog):
    acquire(catalog, "training")
    with catalog.transaction() as execute:
        execute("update nightschool_leases set place = 'elsewhere', expires = expires + 2e9")
    assert acquire(catalog, "training").token == 2


def test_of_many_who_want_it_one_gets_it(catalog):
    def attempt(_: int) -> int | None:
        try:
            return acquire(catalog, "training").token
        except LeaseError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(token for token in pool.map(attempt, range(8)) if token) == [1]


def test_a_commit_under_a_lost_lease_leaves_nothing(either):
    rows = {"promotions": table_of("promotions", [{"candidate": "c", "decision": "promoted"}])}
    with Lake(either) as lake:
        held = acquire(lake.catalog, "training")
        assert lake.commit("first", "promotion", rows, lease=held).new
        held.release()
        acquire(lake.catalog, "training")
        with pytest.raises(LeaseError, match="is lost"):
            lake.commit("second", "promotion", rows, lease=held)
        assert [row["key"] for row in lake.rows("select key from commits")] == ["first"]
        assert lake.rows("select count(*) as n from promotions") == [{"n": 1}]

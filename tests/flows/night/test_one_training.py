"""One training at a time: the lease is taken over from the dead, and what outlived its lease promotes nothing."""

import subprocess
import sys
import threading
import time

import pytest

from flows.night.accelerator import Accelerator
from flows.night.night import open_night
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from flows.train import LEASE, date_to_train, one_training
from storage.catalog.leases import acquire, list_leases
from storage.errors import LeaseError
from storage.lake import nights
from storage.lake.lake import Lake
from storage.models.checkpoints import record_promotion
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow

HOLD = """
import sys, time
from pathlib import Path
from storage.lake.lake import Lake
from storage.catalog.leases import acquire
from storage.workspace import Workspace
with Lake(Workspace.open(Path(sys.argv[1]))) as lake, acquire(lake.catalog, "training", purpose="a long one"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def night(workspace, tmp_path):
    recipe = make_recipe(SMALL, folder=tmp_path)
    with open_night(recipe, "2026-01-01", workspace, Progress(quiet=True), "training") as opened:
        yield opened


def test_the_lease_of_a_dead_training_is_taken_over_at_once(night):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(night.workspace.root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    (held,) = list_leases(night.lake.catalog)
    assert held.alive and held.pid == holder.pid and held.purpose == "a long one"
    entered = threading.Event()

    def wait() -> None:
        with one_training(night):
            entered.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not entered.wait(2), "while its holder lives nobody else trains"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert entered.wait(60)
    waiting.join()
    assert list_leases(night.lake.catalog) == []


def test_a_training_that_lost_its_lease_promotes_nothing(night):
    lake = night.lake
    with one_training(night):
        with lake.catalog.transaction() as execute:  # its renewals stopped: the process hung, or the machine slept
            execute("update nightschool_leases set expires = 0 where name = ?", [LEASE])
        other = acquire(lake.catalog, LEASE, purpose="another")
        with pytest.raises(LeaseError, match="is lost"):
            record_promotion(
                lake, key="k", candidate="c", incumbent="i", decision="promoted", reason="r", figures={}, night="n",
                lease=night.lease,
            )  # fmt: skip
        assert lake.rows("select * from promotions") == []
        other.release()


def test_the_accelerator_has_one_user_at_a_time(workspace):
    lines = []
    progress = Progress(quiet=True)
    progress.say = lines.append  # type: ignore[method-assign]
    order = []

    def second() -> None:
        with Accelerator(workspace, progress):
            order.append("second")

    with Accelerator(workspace, progress), Accelerator(workspace, progress, needed=False):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(1.2)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"] and len(lines) == 1 and "waiting" in lines[0]


def test_a_training_interrupted_before_midnight_is_gone_on_with_and_an_older_one_is_left(workspace, tmp_path):
    recipe = make_recipe(SMALL, folder=tmp_path)

    def date() -> str:
        return date_to_train(recipe, "2026-01-03", workspace)

    with Lake(workspace) as lake:
        assert date() == "2026-01-03"
        for day in ("2026-01-01", "2026-01-02"):
            nights.pin(lake, f"train/{day}/small", f"{day}/small", "small", {"release": "small@1"})
            nights.pin(lake, f"night/{day}/small", f"{day}/small", "small", {})
        assert date() == "2026-01-02"
        nights.finish(lake, "train/2026-01-02/small", "2026-01-02/small", "small", {})
        assert date() == "2026-01-03" and nights.open_trainings(lake, "small") == ["2026-01-01"]
        for number in (2, 3):
            run = f"train/2026-01-0{number}/small/2"
            nights.pin(lake, run, f"2026-01-0{number}/small", "small", {"release": "small@2"})
            assert date() == f"2026-01-0{number}", "a second training of that date, then this date's own"

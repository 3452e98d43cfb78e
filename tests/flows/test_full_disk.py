"""A whole night whose disk runs full: it ends with a sentence, loses nothing, and goes on after space is freed."""

import contextlib
import copy
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import SMALL
from tests.flows.endpoint import SlowTeacher, serving, slowly_taught
from tests.flows.test_night import DATE, accounts

pytestmark = pytest.mark.slow

PROBLEMS = 300


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 24 MB of its own; skipped where this process may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True) if sys.platform == "linux" else None
    if done is None or done.returncode:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip() if done else sys.platform}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def night_on_a_disk_that_fills(cli, fill: Callable[[int], None], free: Callable[[], None]) -> None:
    with serving(SlowTeacher) as address:
        _fill_in_the_middle(cli, address, fill, free)


def _fill_in_the_middle(cli, address: str, fill: Callable[[int], None], free: Callable[[], None]) -> None:
    content = slowly_taught(copy.deepcopy(SMALL), address)
    content["problems"]["limit"] = PROBLEMS
    recipe = cli.recipe(content)
    process = cli.start("run", recipe, *DATE, "--quiet")
    deadline = time.monotonic() + 240
    while len(calls(cli)) < 40:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    fill(process.pid)
    output, _ = process.communicate(timeout=240)
    kept = calls(cli)
    assert process.returncode == 1 and "Traceback" not in output, output[-3000:]
    assert "cannot be written" in output and "run the same command again" in output
    assert 40 <= len(kept) < PROBLEMS
    free()
    cli("run", recipe, *DATE, "--quiet")
    books = accounts(cli)
    assert [(line["planned"], line["done"]) for line in books["funnel"]] == [(PROBLEMS, PROBLEMS)]
    assert books["calls"] == len(calls(cli)) == PROBLEMS and kept <= calls(cli)


def calls(cli) -> set[tuple[str, str]]:
    """What the ledger holds: each call with its answer."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{cli.workspace}/ledger.sqlite?mode=ro", uri=True)) as ledger:
            return set(ledger.execute("select key, response from calls"))
    except sqlite3.OperationalError:  # not there yet
        return set()


def test_a_full_disk(cli, small_disk):
    cli.workspace = small_disk / "w"
    cli.environment["NIGHTSCHOOL_WORKSPACE"] = str(cli.workspace)
    ballast = small_disk / "ballast"

    def fill(pid: int) -> None:
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096) == 4096:
                pass

    night_on_a_disk_that_fills(cli, fill, ballast.unlink)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_files_that_may_not_grow(cli):
    """The same without a disk of one's own: no file of the night may grow beyond 64 KiB from one moment on."""

    def fill(pid: int) -> None:
        process = psutil.Process(pid)
        process.rlimit(psutil.RLIMIT_FSIZE, (65_536, process.rlimit(psutil.RLIMIT_FSIZE)[1]))

    night_on_a_disk_that_fills(cli, fill, lambda: None)

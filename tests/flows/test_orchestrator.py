"""The embedded orchestrator: private to the workspace, and an orphan of a killed run is ended at the next start."""

import copy
import itertools
import signal
import time
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from flows.deployments import Plan
from flows.service import Service
from tests.flows.conftest import SMALL
from tests.flows.endpoint import SlowTeacher, serving, slowly_taught


def servers(home: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if "prefect.server.api.server:create_app" in (process.info["cmdline"] or []):
                found += [process] if process.environ().get("PREFECT_HOME") == home else []
        except psutil.Error:
            continue
    return found


@pytest.fixture
def slow_teacher():
    with serving(SlowTeacher) as address:
        yield address


def test_an_orphaned_server_is_ended_and_nothing_is_left(cli, slow_teacher):
    cli.environment.pop("PREFECT_API_URL")
    home = str(cli.workspace / "prefect")
    content = slowly_taught(copy.deepcopy(SMALL), slow_teacher)
    content["problems"]["limit"] = 400
    recipe = cli.recipe(content)
    process = cli.start("run", recipe, "--date", "2026-01-01", "--quiet")
    deadline = time.monotonic() + 120
    while not (cli.workspace / "ledger.sqlite").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    orphans = servers(home)
    assert orphans, "kill -9 leaves the embedded server behind (if it no longer does, this code can go)"
    assert all(item.net_connections() == [] or _local(item) for item in orphans)
    cli("run", recipe, "--date", "2026-01-01", "--quiet")
    gone = time.monotonic() + 15
    while servers(home) and time.monotonic() < gone:
        time.sleep(0.2)
    assert servers(home) == []


def _local(process: psutil.Process) -> bool:
    return {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_a_part_that_dies_again_and_again_is_started_after_longer_pauses_and_never_given_up(workspace, monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr("flows.service.time.monotonic", lambda: now[0])
    service = Service(workspace, Plan(Path("r.yaml"), port=1), said.append)
    starts = []
    monkeypatch.setattr(service, "_write_record", lambda: None)
    monkeypatch.setattr(service, "_start", lambda name: starts.append(now[0]))
    for _ in range(2000):
        service._revive("worker-cpu", 1)
        now[0] += 0.5
    pauses = [round(late - early) for early, late in itertools.pairwise(starts)]
    assert starts[0] == 0 and pauses[:7] == [2, 4, 8, 16, 32, 60, 60] and now[0] - starts[-1] < 62
    monkeypatch.setattr(service, "_start", Mock(side_effect=OSError("No space left on device")))
    now[0] += 1000
    service._revive("worker-cpu", 1)
    assert said[-1] == "worker-cpu: No space left on device"

"""`nightschool up` for real: one server, its workers, `prefect deploy --all`, on this machine only."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psutil
import pytest

from benchmarks.soaking.plain import plain_nights
from flows.recipe.recipe import load_recipe
from flows.service.prefect_server import read_login
from flows.service.processes import service_processes
from storage.workspace import Workspace
from tests.flows.night.test_one_training import HOLD
from tests.flows.prefect_api import ask
from tests.flows.service.running import Up, serving_up, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    with serving_up(tmp_path_factory.mktemp("up")) as service:
        yield service


def test_one_command_starts_everything_on_this_machine_only_and_a_second_says_so(up):
    status = up.status()
    assert status["running"] and {name: part["alive"] for name, part in status["parts"].items()} == {
        "server": True, "worker-cpu": True, "worker-gpu": True, "window": True,
    }  # fmt: skip
    assert up.cli("ui").startswith("http://127.0.0.1:")
    listening = set()
    for process in service_processes(Workspace(up.cli.workspace)):
        with contextlib.suppress(psutil.Error):
            listening |= {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert {item["name"] for item in up.ask("deployments/filter")} == {"nightly", "train", "maintain"}
    wait_for(lambda: [worker for worker in up.ask("work_pools/gpu/workers/filter") if worker["status"] == "ONLINE"], 60)
    seen = {line["part"]: line for line in json.loads(up.cli("doctor", "--json"))}
    assert seen["nightschool up"]["level"] == "ok" and status["ui"] in seen["nightschool up"]["state"]
    assert status["ui"] in seen["Prefect"]["state"] and "pool gpu: 1 online" in seen["worker"]["state"]
    message = up.cli("up", up.recipe, "--port", "0", code=1)
    assert "nightschool up runs already" in message and str(up.process.pid) in message and status["ui"] in message


def test_a_schedule_fires_a_night_and_its_release_is_trained_on_once_whatever_the_events_say(up):
    wait_for(lambda: up.rows("select 1 from releases") and up.completed("nightly"))
    up.ask(f"deployments/{up.deployment('nightly')}/pause_deployment")
    assert up.rows("select release_id, night from releases") == [
        {"release_id": "small@1", "night": f"{datetime.now(UTC).date().isoformat()}/tiny"}
    ]
    wait_for(lambda: up.runs("train"), 60)
    up.emit({"release": "small@1", "rows": 60})
    up.emit({"release": "../../etc", "rows": "many", "recipe": {"name": None}}, "lake.dataset.{{ flow_run.id }}")
    runs = wait_for(lambda: len(up.completed("train")) >= 3 and up.runs("train"))
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    assert up.trainings() == [{"release": "small@1"}], "the release's own event, a doubled and a malformed one"


def test_what_kill_9_leaves_is_cleaned_up_and_a_lost_event_is_made_good(up):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(up.cli.workspace)], env=up.cli.environment, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    before = len(up.runs("train"))
    up.emit({})
    record = wait_for(
        lambda: [file for file in (up.cli.workspace / "runs").glob("*.json") if "train" in file.read_text()]
    )
    waiting = psutil.Process(json.loads(record[0].read_text())["process"]["pid"])
    parts = up.status()["parts"]
    for pid in (up.process.pid, parts["server"]["pid"], waiting.pid, holder.pid):
        os.kill(pid, signal.SIGKILL)
    up.process.wait()
    holder.wait()
    holder.stdout.close()
    assert service_processes(Workspace(up.cli.workspace)), "the workers live on"
    night = asyncio.run(plain_nights(load_recipe(up.recipe), ["2026-01-01"], up.cli.workspace))
    assert night[0]["release"] == "small@2", "made while no server was there to hear of it"

    login = read_login(Workspace(up.cli.workspace))
    output = up.start()
    assert read_login(Workspace(up.cli.workspace)) != login, "new at each start"
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        ask(up.url(), "flow_runs/filter", login=login)
    assert "that an earlier `nightschool up` left behind" in output
    assert f"dropped the lease training of process {holder.pid} (a long one), which is gone" in output
    assert "closed the run " in output and "left Running by a kill" in output
    run = wait_for(lambda: up.runs("train"))[before]
    assert run["state_type"] == "CRASHED" and up.trainings() == [{"release": "small@1"}]
    up.ask(
        f"deployments/{up.deployment('train')}/create_flow_run", {"state": {"type": "SCHEDULED"}}
    )  # what `reconcile` makes
    wait_for(lambda: len(up.completed("train")) >= before + 1)
    assert up.trainings() == [{"release": "small@1"}, {"release": "small@2"}]

    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(timeout=90) == 0 and "everything is stopped" in up.said()
    assert service_processes(Workspace(up.cli.workspace)) == []
    up.cli("up", "--status", code=1)

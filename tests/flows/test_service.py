"""`nightschool up` for real: one server, its workers, `prefect deploy --all`, on this machine only."""

import asyncio
import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from benchmarks.soaking.plain import plain_nights
from flows.marked import marked
from flows.recipe import load_recipe
from storage.errors import NightschoolError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import CommandLine
from tests.flows.prefect_api import ask
from tests.flows.test_one_training import HOLD
from tests.flows.test_training import TINY

LIMIT_S = 240


def wait_for(what: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {limit_s:.0f} s"
        time.sleep(0.5)
    return found


@dataclass
class Up:
    """A service at work, and the command line beside it."""

    cli: CommandLine
    recipe: Path
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> str:
        """Start it and return what it said until it was up."""
        file = self.cli.folder / "up.log"
        before = len(self.said()) if file.exists() else 0
        with file.open("a") as log:
            self.process = subprocess.Popen(
                self.cli.command("up", self.recipe, "--port", "0", "--cron", "* * * * *"),
                env=self.cli.environment, stdout=log, stderr=log, text=True,
            )  # fmt: skip
        wait_for(lambda: "up: http" in self.said()[before:] or self.process.poll() is not None, 300)
        assert self.process.poll() is None, self.said()
        for deployment in self.ask("deployments/filter"):  # what the day's hour would begin besides
            for schedule in deployment["schedules"]:
                if schedule["slug"] != "nightly":
                    path = f"deployments/{deployment['id']}/schedules/{schedule['id']}"
                    self.ask(path, {"active": False}, method="PATCH")
        return self.said()[before:]

    def said(self) -> str:
        return (self.cli.folder / "up.log").read_text()

    def status(self) -> dict[str, Any]:
        return json.loads(self.cli("up", "--status", "--json"))

    def ask(self, path: str, body: Any = None, method: str = "POST") -> Any:
        url = json.loads((self.cli.workspace / "prefect" / "service.json").read_text())["url"]
        return ask(url, path, body, method)

    def deployment(self, name: str) -> str:
        (found,) = self.ask("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return str(found["id"])

    def emit(self, payload: dict[str, Any], resource: str = "lake.dataset.small") -> None:
        event = {
            "occurred": datetime.now(UTC).isoformat(), "event": "nightschool.release.created",
            "resource": {"prefect.resource.id": resource}, "payload": payload, "id": str(uuid4()),
        }  # fmt: skip
        self.ask("events", [event])

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """The runs of a flow that have begun, in that order."""
        begun = {"state": {"type": {"not_any_": ["SCHEDULED"]}}}
        question = {"flows": {"name": {"any_": [flow]}}, "flow_runs": begun, "sort": "START_TIME_ASC"}
        with contextlib.suppress(httpx.HTTPError):
            return list(self.ask("flow_runs/filter", question))
        return []

    def completed(self, flow: str) -> list[dict[str, Any]]:
        return [run for run in self.runs(flow) if run["state_type"] == "COMPLETED"]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with contextlib.suppress(NightschoolError), Lake(Workspace.open(self.cli.workspace), read_only=True) as lake:
            return lake.rows(statement)
        return []

    def trainings(self) -> list[dict[str, Any]]:
        return self.rows(
            "select summary->>'$.release' as release from runs join commits c using (commit_id) "
            "where run_id like 'train/%' and event = 'finished' order by c.seq"
        )


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
        "NIGHTSCHOOL_WORKSPACE": str(folder / "w"),
        "NO_COLOR": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_CONCURRENCY_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        "PREFECT_UI_ENABLED": "false",
    }
    cli = CommandLine(folder / "w", folder, environment)
    content = copy.deepcopy(TINY)
    content["methods"] = content["methods"][:1]
    service = Up(cli, cli.recipe(content))
    service.start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(timeout=60)
        for process in marked(Workspace(cli.workspace)):
            process.kill()
        service.process.kill()


def test_one_command_starts_everything_on_this_machine_only_and_a_second_says_so(up):
    found = up.status()
    assert found["running"] and {name: part["alive"] for name, part in found["parts"].items()} == {
        "server": True, "worker-cpu": True, "worker-gpu": True,
    }  # fmt: skip
    listening = set()
    for process in marked(Workspace(up.cli.workspace)):
        with contextlib.suppress(psutil.Error):
            listening |= {item.laddr.ip for item in process.net_connections() if item.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert {item["name"] for item in up.ask("deployments/filter")} == {"nightly", "train", "maintain"}
    wait_for(lambda: [one for one in up.ask("work_pools/gpu/workers/filter") if one["status"] == "ONLINE"], 60)
    seen = {line["part"]: line for line in json.loads(up.cli("doctor", "--json"))}
    assert seen["nightschool up"]["level"] == "ok" and found["ui"] in seen["nightschool up"]["found"]
    assert found["ui"] in seen["Prefect"]["found"] and "pool gpu: 1 online" in seen["worker"]["found"]
    words = up.cli("up", up.recipe, "--port", "0", code=1)
    assert "nightschool up runs already" in words and str(up.process.pid) in words and found["ui"] in words


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
    assert marked(Workspace(up.cli.workspace)), "the workers live on"
    night = asyncio.run(plain_nights(load_recipe(up.recipe), ["2026-01-01"], up.cli.workspace))
    assert night[0]["release"] == "small@2", "made while no server was there to hear of it"

    said = up.start()
    assert "that an earlier `nightschool up` left behind" in said
    assert f"dropped the lease training of process {holder.pid} (a long one), which is gone" in said
    assert "closed the run " in said and "left Running by a kill" in said
    run = wait_for(lambda: up.runs("train"))[before]
    assert run["state_type"] == "CRASHED" and up.trainings() == [{"release": "small@1"}]
    up.ask(
        f"deployments/{up.deployment('train')}/create_flow_run", {"state": {"type": "SCHEDULED"}}
    )  # what `reconcile` makes
    wait_for(lambda: len(up.completed("train")) >= before + 1)
    assert up.trainings() == [{"release": "small@1"}, {"release": "small@2"}]

    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(timeout=90) == 0 and "everything is stopped" in up.said()
    assert marked(Workspace(up.cli.workspace)) == []
    up.cli("up", "--status", code=1)

"""A `nightschool up` at work, for tests of it and of what may reach it."""

import contextlib
import copy
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from flows.service.prefect_server import read_login
from flows.service.processes import service_processes
from storage.errors import NightschoolError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests import waiting
from tests.flows.conftest import CommandLine
from tests.flows.prefect_api import ask
from tests.flows.test_training import TINY


def wait_for(probe: Callable[[], Any], limit_s: float = 240, awaited: str = "it") -> Any:
    """Wait as long as a night may take on a busy machine."""
    return waiting.wait_for(probe, limit_s, awaited, pause_s=0.5)


@dataclass
class Up:
    """A service at work, and the command line beside it."""

    cli: CommandLine
    recipe: Path
    cron: str
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> str:
        """Start it and return what it said until it was up."""
        file = self.cli.folder / "up.log"
        before = len(self.said()) if file.exists() else 0
        with file.open("a") as log:
            self.process = subprocess.Popen(
                self.cli.command("up", self.recipe, "--port", "0", "--cron", self.cron),
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

    def url(self) -> str:
        """The address of its API, as it has written it down."""
        return str(json.loads((self.cli.workspace / "prefect" / "service.json").read_text())["url"])

    def ask(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return ask(self.url(), path, body, method, read_login(Workspace(self.cli.workspace)))

    def deployment(self, name: str) -> str:
        (deployment,) = self.ask("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return str(deployment["id"])

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


@contextlib.contextmanager
def serving_up(folder: Path, cron: str = "* * * * *", **variables: str) -> Iterator[Up]:
    """The service on a free port, a night each minute unless said otherwise, in an environment with further variables."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
        "NIGHTSCHOOL_WORKSPACE": str(folder / "w"),
        "NO_COLOR": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_CONCURRENCY_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        "PREFECT_UI_ENABLED": "false",
        **variables,
    }
    cli = CommandLine(folder / "w", folder, environment)
    content = copy.deepcopy(TINY)
    content["methods"] = content["methods"][:1]
    service = Up(cli, cli.recipe(content), cron)
    service.start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(timeout=60)
        for process in service_processes(Workspace(cli.workspace)):
            process.kill()
        service.process.kill()

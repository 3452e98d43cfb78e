"""`nightschool up` for real: one server, its workers, `prefect deploy --all`, on this machine only."""

import contextlib
import copy
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import pytest

from flows.marked import marked
from storage.errors import NightschoolError
from storage.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import CommandLine
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

    def start(self) -> None:
        with (self.cli.folder / "up.log").open("a") as log:
            self.process = subprocess.Popen(
                self.cli.command("up", self.recipe, "--port", "0", "--cron", "* * * * *"),
                env=self.cli.environment, stdout=log, stderr=log, text=True,
            )  # fmt: skip
        wait_for(lambda: "up: http" in self.said(), 300)

    def said(self) -> str:
        text = (self.cli.folder / "up.log").read_text()
        assert self.process.poll() is None or "stopped" in text, text
        return text

    def status(self) -> dict[str, Any]:
        return json.loads(self.cli("up", "--status", "--json"))

    def ask(self, path: str, body: Any = None) -> Any:
        url = json.loads((self.cli.workspace / "prefect" / "service.json").read_text())["url"]
        data, headers = json.dumps(body or {}).encode(), {"content-type": "application/json"}
        with urlopen(Request(f"{url}/{path}", data=data, headers=headers), timeout=20) as answer:
            return json.load(answer)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        with contextlib.suppress(URLError, OSError):
            return list(self.ask("flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"}))
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
    words = up.cli("up", up.recipe, "--port", "0", code=1)
    assert "nightschool up runs already" in words and str(up.process.pid) in words and found["ui"] in words

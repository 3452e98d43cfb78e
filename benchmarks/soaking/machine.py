"""One machine whose nights run by themselves: a model server, `nightschool up`, and whoever looks on over Prefect's API."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import yaml

from flows.service.prefect_server import prefect_client, read_login
from storage.errors import NightschoolError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.server_program import CHECKOUT, ServerProgram
from tests.waiting import wait_for

MARK = "NIGHTSCHOOL_SOAK"
"""Environment variable that every process of a soak inherits."""
NEVER = "0 1 1 1 *"
"""The clock starts no night here; the soak says when it is night."""
CATCH_UP = 30
SOON_S = 20.0
AWAY_S = 240.0


@dataclass
class ModelServer(ServerProgram):
    """The stand-in, which can vanish and come back at the same port."""

    module: str = "benchmarks.soaking.model_server"
    book: Path = Path()

    def answers(self) -> list[tuple[float, str]]:
        """Every answer that was given in full: when, and to which call."""
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        return [(float(moment), seed) for moment, _, seed in (line.partition(" ") for line in lines)]


def model_server(book: Path, seconds: float, environment: dict[str, str]) -> ModelServer:
    """Make a stand-in that thinks so long about an answer and keeps book of it."""
    book = book.resolve()
    return ModelServer(arguments=(book, seconds), environment=environment, book=book)


@dataclass
class Machine:
    """A workspace, its service, and its model server.

    Attributes:
        folder: Where everything is.
        workspace: The workspace; may lie on a disk of its own.
        recipe: The recipe's content; `endpoint` is filled in.
        seconds: How long the model thinks about one answer.
    """

    folder: Path
    workspace: Path
    recipe: dict[str, Any]
    seconds: float = 0.3
    environment: dict[str, str] = field(init=False)
    model: ModelServer = field(init=False)
    up: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        self.environment = {
            **clean,
            "PYTHONPATH": str(CHECKOUT),
            "NIGHTSCHOOL_WORKSPACE": str(self.workspace),
            "NO_COLOR": "1",
            "OMP_NUM_THREADS": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_CONCURRENCY_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            "PREFECT_UI_ENABLED": "false",
            MARK: uuid4().hex,
        }
        self.model = model_server(self.folder / "book", self.seconds, self.environment)
        self.model.start()
        self.recipe["models"]["teacher"]["endpoint"] = self.model.endpoint
        self.file = self.folder / "recipe.yaml"
        self.file.write_text(yaml.safe_dump(self.recipe))

    def command(self, *arguments: object) -> list[str]:
        """Return a command line of Nightschool's."""
        return [sys.executable, "-m", "flows.cli", *map(str, arguments)]

    def run(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """Run a command of Nightschool's to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def start(self) -> float:
        """Start `nightschool up`, wait until it says so, and return the seconds it took."""
        began, log = time.monotonic(), self.folder / "up.log"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self.up = subprocess.Popen(
                self.command("up", self.file, "--port", "0", "--cron", NEVER),
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        wait_for(lambda: "up: http" in self._output(before), 300, "nightschool up")
        return time.monotonic() - began

    def _output(self, since: int) -> str:
        text = (self.folder / "up.log").read_bytes()[since:].decode()
        assert self.up is not None
        if self.up.poll() is not None:
            raise RuntimeError(f"nightschool up ended with {self.up.returncode}:\n{text}")
        return text

    def ended(self) -> bool:
        """Whether `nightschool up` has ended by itself."""
        return self.up is None or self.up.poll() is not None

    def stop(self) -> int:
        """End `nightschool up` as Ctrl-C does; its exit code."""
        assert self.up is not None
        if self.up.poll() is None:
            self.up.terminate()
        return self.up.wait(timeout=120)

    def service(self) -> dict[str, Any]:
        """What the record of the service says."""
        return dict(json.loads((self.workspace / "prefect" / "service.json").read_text()))

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask Prefect's API; a server that is away or busy is asked again for some minutes."""
        deadline = time.monotonic() + AWAY_S
        while True:
            try:
                with prefect_client(self.service()["url"], read_login(Workspace(self.workspace))) as client:
                    answer = client.request("POST", f"/{path}", json=body if body is not None else {})
                    answer.raise_for_status()
                    return answer.json()
            except (httpx.HTTPError, OSError, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def submit(self, deployment: str, when: datetime, **parameters: Any) -> str:
        """Have a deployment run as if its schedule had fired at a moment, and return the run's id."""
        (record,) = self.ask("deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
        state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": when.isoformat()}}
        body = {"state": state, "parameters": parameters}
        return str(self.ask(f"deployments/{record['id']}/create_flow_run", body)["id"])

    def at_work(self, *flows: str) -> list[dict[str, Any]]:
        """The runs (of some flows) that are at work, or due soon."""
        types = ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]
        question: dict[str, Any] = {"flow_runs": {"state": {"type": {"any_": types}}}}
        if flows:
            question["flows"] = {"name": {"any_": list(flows)}}
        runs = self.ask("flow_runs/filter", question)
        soon = datetime.now(UTC) + timedelta(seconds=SOON_S)
        return [
            run
            for run in runs
            if run["state_type"] != "SCHEDULED" or datetime.fromisoformat(run["next_scheduled_start_time"]) < soon
        ]

    def process_of(self, what: str) -> psutil.Process | None:
        """The process of the run at work whose record begins like that (`nightly`, `train`)."""
        for file in sorted((self.workspace / "runs").glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, psutil.Error):
                record = json.loads(file.read_text())
                if record["what"].startswith(what):
                    process = psutil.Process(record["process"]["pid"])
                    if process.status() != psutil.STATUS_ZOMBIE:
                        return process
        return None

    def processes(self) -> Iterator[psutil.Process]:
        """Every living process that the soak has begun, `nightschool up` and the model server among them."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.environment[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Ask the lake; nothing while there is none."""
        with contextlib.suppress(NightschoolError), Lake(Workspace.open(self.workspace), read_only=True) as lake:
            return lake.rows(statement)
        return []

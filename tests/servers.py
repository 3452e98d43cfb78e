"""The real servers of the suite: one vLLM and one Prefect for all of its workers, started when the first test asks.

Workers of pytest-xdist are children of the process that began the suite; what they share lies in a folder named after it.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from storage.errors import ModelServerError
from storage.ports import free_port
from synth.engines.processes import identity_of, is_alive
from synth.engines.vllm_command import vllm_python

CHECKOUT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 240.0
LOGIN = "suite:every client must bring this"
"""Login of the suite's Prefect server, as the docs recommend one for a server of one's own."""


def first_process() -> psutil.Process:
    """The process that began the suite: this one, or the controller of this worker."""
    return psutil.Process(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid())


def shared_folder() -> Path:
    """The folder of this run of the suite."""
    first = first_process()
    folder = Path(tempfile.gettempdir()) / f"nightschool-tests-{first.pid}-{first.create_time():.0f}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class SharedServer:
    """A server that every worker finds again.

    Attributes:
        name: Names its record and its log.
        command: Makes the command line from its folder and port.
        health: The path that answers 200 when it is ready.
        environment: Variables it is given.
    """

    name: str
    command: Callable[[Path, int], list[str]]
    health: str
    environment: Callable[[Path], dict[str, str]] = lambda folder: {}

    def begin(self) -> dict[str, object]:
        """Start it if nobody has, without waiting; what is written down of it."""
        shared = shared_folder()
        record = shared / f"{self.name}.json"
        with locked(shared, self.name):
            if record.exists():
                return dict(json.loads(record.read_text()))
            folder, port = shared / self.name, free_port()
            folder.mkdir()
            command = [sys.executable, "-m", "tests.holder", json.dumps(identity_of(first_process()))]
            ours = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
            environment = {**ours, "PYTHONPATH": str(CHECKOUT), **self.environment(folder)}
            with (folder / "log").open("w") as log:
                holder = subprocess.Popen(
                    [*command, *self.command(folder, port)],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            started = {"holder": identity_of(psutil.Process(holder.pid)), "port": port, "folder": str(folder)}
            record.write_text(json.dumps(started))
            return started

    def ready(self) -> tuple[str, Path]:
        """Its address and its folder, once it answers."""
        started = self.begin()
        url, folder = f"http://127.0.0.1:{started['port']}", Path(str(started["folder"]))
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), urlopen(url + self.health, timeout=5):
                return url, folder
            if time.monotonic() > deadline or not is_alive(started["holder"]):
                pytest.fail(f"the server {self.name} did not start:\n{(folder / 'log').read_text()[-3000:]}")
            time.sleep(0.2)


VLLM = SharedServer(
    "vllm",
    lambda folder, port: [sys.executable, "-m", "tests.serve_tiny", str(folder / "checkpoint"), str(port)],
    "/health",
)
PREFECT = SharedServer(
    "prefect",
    lambda folder, port: [
        *(sys.executable, "-m", "prefect", "server", "start"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ],
    "/api/health",
    lambda folder: {
        "PREFECT_HOME": str(folder),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
        "PREFECT_SERVER_API_AUTH_STRING": LOGIN,
    },
)
FIXTURES = {"vllm_server": VLLM, "prefect_server": PREFECT}


@dataclass(frozen=True)
class VllmEndpoint:
    """The suite's vLLM server.

    Attributes:
        endpoint: Its address, without `/v1`.
        name: The name it serves the model under.
        checkpoint: The folder it serves: a random two-layer Llama that reads and writes letter by letter.
    """

    endpoint: str
    name: str
    checkpoint: Path


def without_vllm() -> str | None:
    """Why there is no vLLM here, or None."""
    try:
        vllm_python()
    except ModelServerError as error:
        return str(error)
    return None


def need_vllm() -> None:
    """Skip the test where there is no vLLM; fail where there should be one."""
    if (reason := without_vllm()) is not None:
        if os.environ.get("CI") or os.environ.get("NIGHTSCHOOL_EXPECTS_VLLM"):
            pytest.fail(reason)  # the real server is part of what is promised
        pytest.skip(reason)


def begin_for(fixtures: set[str]) -> None:
    """Start what the collected tests will ask for, so that it is there when they do."""
    for name, server in FIXTURES.items():
        if name in fixtures and not (server is VLLM and without_vllm()):
            server.begin()


def end_all() -> None:
    """End every server of this run and remove what it kept."""
    shared = shared_folder()
    holders = [json.loads(record.read_text())["holder"] for record in shared.glob("*.json")]
    processes = [psutil.Process(int(holder["pid"])) for holder in holders if is_alive(holder)]
    for process in processes:
        process.terminate()
    psutil.wait_procs(processes, timeout=30)
    shutil.rmtree(shared, ignore_errors=True)

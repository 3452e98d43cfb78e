"""One real Prefect server for the suite, and the command line as a user runs it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
import yaml

SMALL = {
    "name": "small",
    "dataset": "small",
    "shard": 20,
    "problems": {
        "limit": 60,
        "sources": [
            {"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}, "heldout": 20, "validation": 10}
        ],
    },
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot", "params": {"temperature": 0}}],
}
"""A night that needs no model: 60 problems solved by rule."""


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory) -> Iterator[str]:
    """A real server; flows of the suite report to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("prefect")
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_UI_ENABLED": "false",
    }
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urlopen(f"{url}/health", timeout=2):
                    break
            except (URLError, OSError):
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError((home / "server.log").read_text()[-2000:]) from None
                time.sleep(0.2)
        yield url
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.kill()
        server.wait()


@dataclass
class CommandLine:
    """`nightschool` with a workspace of its own."""

    workspace: Path
    folder: Path
    environment: dict[str, str]

    def recipe(self, content: dict, name: str = "recipe.yaml") -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "flows.cli", *map(str, arguments)]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __call__(self, *arguments: object, code: int = 0) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def cli(tmp_path, prefect_server) -> CommandLine:
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "NIGHTSCHOOL_WORKSPACE": str(tmp_path / "w"),
        "NO_COLOR": "1",
    }
    return CommandLine(tmp_path / "w", tmp_path, environment)

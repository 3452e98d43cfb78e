"""A client in a hurry, a stand-in for the vLLM environment, and a process that owns a server and can be killed."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from synth.engines import fleet, poison_requests, vllm, vllm_command
from tests.stand_in import make_stand_in

CHECKOUT = Path(__file__).resolve().parents[3]


EARLIER: set[psutil.Process] = set()
"""Processes that stood before the test at work: servers of the session's fixtures are our children too."""


@pytest.fixture(autouse=True)
def earlier_processes() -> None:
    EARLIER.clear()
    EARLIER.update(psutil.Process().children(recursive=True))


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client in a hurry: what it waits for between two tries takes milliseconds."""
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(fleet, "PROBE_S", 0.02)
    monkeypatch.setattr(poison_requests, "BUSY_TRIES", 6)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose `vllm` is a few lines: it starts in a moment, has a worker, and fails when told to."""
    environment = make_stand_in(tmp_path / "environment")
    monkeypatch.setenv(vllm_command.PYTHON_VARIABLE, str(environment / "bin" / "python"))
    return environment


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """What passes for a checkpoint with the stand-in."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


HOST = """
import sys
from pathlib import Path
from synth.engines.vllm_command import ServerOptions
from synth.engines.vllm_server import VllmServer
checkpoint, folder, length, limit = sys.argv[1:]
options = ServerOptions(max_model_len=int(length) or None, start_limit_s=float(limit))
with VllmServer(Path(checkpoint), "tiny", Path(folder), options) as server:
    print(server.endpoint, flush=True)
    sys.stdin.read()
"""


@dataclass
class Host:
    """A process that owns a server, so that a test can kill it and look at what is left."""

    checkpoint: Path
    folder: Path
    max_model_len: int = 0
    limit_s: float = 240.0
    process: "subprocess.Popen[str] | None" = None
    endpoint: str = ""
    start_s: float = 0.0

    def ensure(self) -> "Host":
        if self.process is not None and self.process.poll() is None:
            return self
        arguments: Sequence[str] = (
            *(sys.executable, "-c", HOST, str(self.checkpoint), str(self.folder)),
            *(str(self.max_model_len), str(self.limit_s)),
        )
        began = time.monotonic()
        environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.endpoint = self.process.stdout.readline().strip()
        self.start_s = time.monotonic() - began
        if not self.endpoint:
            pytest.fail(self.process.stderr.read())
        return self

    def kill(self) -> None:
        """End the owner as `kill -9` does: it can clean up nothing."""
        assert self.process is not None
        self.process.kill()
        self._forget()

    def leave(self) -> None:
        """Let the owner leave its `with` block."""
        if self.process is not None and self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(60)
        self._forget()

    def _forget(self) -> None:
        if self.process is not None:
            self.process.wait(60)
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()
            self.process = None

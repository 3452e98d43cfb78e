"""A vLLM server that a flow starts, watches and stops itself, so that one GPU serves at night and trains afterwards.

The server lives in vLLM's own environment (`make vllm`) and in a process group of its own, under a keeper
(`vllm_keeper.py`) that ends the group when the process that asked for it dies. Should even the keeper be killed, the
record beside the log names every process by pid *and* start time, and the next start ends what is left.

Not covered: a server on another machine, several GPUs beyond what `extra` says, two servers in one folder.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from storage.atomic import write_text
from storage.errors import ModelServerError
from storage.models.adapters import whole
from storage.ports import free_port
from synth.engines.processes import end_group, group_of, identity_of, is_alive, members_of
from synth.engines.start_failures import cause
from synth.engines.vllm_command import (
    ServerOptions,
    check_checkpoint,
    serve_command,
    serve_environment,
    vllm_python,
)

KEEPER = Path(__file__).resolve().with_name("vllm_keeper.py")
POLL_S = 0.25
LOG_LINES = 15
LOG_BYTES = 65_536
"""How much of a log's end is read: a traceback of two processes, and what stands before it."""
Progress = Callable[[float, str], None]


class VllmServer:
    """A managed `vllm serve` on 127.0.0.1. A context manager: started on entry, its whole group ended on exit.

    Starting and stopping block; in a coroutine use `asyncio.to_thread(server.start)`.

    Args:
        checkpoint: Folder of a Hugging Face checkpoint with a tokenizer.
        name: The name to serve it under.
        folder: Where `vllm.log` and the record `vllm.json` go; one server at a time.
        options: How it is started.
        progress: Called about once a second while it starts, with the seconds passed and the log's last line.
    """

    def __init__(
        self,
        checkpoint: Path,
        name: str,
        folder: Path,
        options: ServerOptions | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.checkpoint = checkpoint.absolute()
        self.name = name
        self.folder = folder.absolute()
        self.options = options or ServerOptions()
        self.log = self.folder / "vllm.log"
        self.record = self.folder / "vllm.json"
        self._progress = progress
        self._keeper: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._abandoned = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The address for `Vllm`; the same after a restart unless another program took the port."""
        if self._port is None:
            raise ModelServerError("the vLLM server has not been started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether the server's process is there; `check` says more."""
        return self._keeper is not None and self._keeper.poll() is None

    def check(self) -> None:
        """Return when the server lives.

        Raises:
            ModelServerError: It ended; the message carries the log's last lines.
        """
        if not self.running:
            reason = cause(self._end_of_log())
            because = f": {reason}" if reason is not None else ""
            raise ModelServerError(
                f"the vLLM server for {self.name!r} ended{because}. Its log, {self.log}, says:\n{self._tail()}"
            )

    def start(self) -> None:
        """Start the server and wait until it is healthy. An orphan of an earlier run in this folder is ended first.

        Raises:
            ModelServerError: No vLLM environment, another server at work in this folder, a server that died or that
                was not healthy in time.
            CheckpointError: The checkpoint's folder does not hold one.
        """
        if self.running:
            return
        self.stop()  # of one that died, what is left of its group
        self._abandoned.clear()
        python = vllm_python()
        check_checkpoint(self.checkpoint)
        weights = whole(self.checkpoint)
        self.folder.mkdir(parents=True, exist_ok=True)
        end_orphan(self.record, self.options.stop_limit_s)
        if self._port is None or not _is_free(self._port):
            self._port = free_port()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        serve = serve_command(python, weights, self.name, self.options, "127.0.0.1", self._port)
        try:
            with self.log.open("wb") as log:
                self._keeper = subprocess.Popen(  # noqa: S603
                    kept_command(serve),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env=serve_environment(python, self.options),
                    start_new_session=True,
                )
            self._write_record()
            self._wait_until_healthy()
            self._write_record()
        except BaseException:
            self.stop()
            raise

    def abandon(self) -> None:
        """Let a start that is under way in another thread end soon, with an error and without a server."""
        self._abandoned.set()

    @property
    def healthy(self) -> bool:
        """Whether it answers, and is ours: a stranger on this port would not serve this name."""
        try:
            if _get(self._port, "/health") is None:
                return False
            listing = json.loads(_get(self._port, "/v1/models") or b"{}")
            return any(model.get("id") == self.name for model in listing.get("data", ()))
        except (OSError, http.client.HTTPException, ValueError, AttributeError, TypeError):
            return False

    def stop(self) -> None:
        """End the server's whole group: first asked, then killed. Does nothing when there is none."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        end_group(keeper.pid, self.options.stop_limit_s, keeper)
        self.record.unlink(missing_ok=True)

    def _wait_until_healthy(self) -> None:
        began = time.monotonic()
        reported_at = 0.0
        while True:
            self.check()
            if self._abandoned.is_set():
                raise ModelServerError(f"the start of the vLLM server for {self.name!r} was given up")
            if self.healthy:
                return
            passed = time.monotonic() - began
            if passed > self.options.start_limit_s:
                raise ModelServerError(
                    f"the vLLM server for {self.name!r} was not healthy after {self.options.start_limit_s:.0f} s "
                    f"(start_limit_s). Its log, {self.log}, says:\n{self._tail()}"
                )
            if passed - reported_at >= 1.0:
                reported_at = passed
                self._write_record()  # its processes come one after the other
                if self._progress is not None:
                    self._progress(passed, self._tail(1))
            time.sleep(POLL_S)

    def _tail(self, lines: int = LOG_LINES) -> str:
        return "\n".join([line[:300] for line in self._end_of_log().splitlines() if line.strip()][-lines:])

    def _end_of_log(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def _write_record(self) -> None:
        assert self._keeper is not None
        record = {
            "group": self._keeper.pid,
            "owner": identity_of(psutil.Process()),
            "processes": [identity_of(process) for process in members_of(self._keeper.pid)],
            "endpoint": self.endpoint,
            "checkpoint": str(self.checkpoint),
        }
        write_text(self.record, json.dumps(record, indent=1) + "\n")


def kept_command(serve: Sequence[str]) -> list[str]:
    """The command that runs a server under a keeper: it and all that it starts end when this process does."""
    return [sys.executable, "-I", str(KEEPER), str(os.getpid()), *serve]


def end_orphan(record: Path, patience_s: float = 15.0) -> bool:
    """End the server that a dead process left behind, if there is one.

    A process counts as the recorded one only if pid and start time match, so no stranger is ever touched; a group id
    cannot be given out again while one of its members lives.

    Args:
        record: The record that `VllmServer` wrote.
        patience_s: Seconds it may take to stop before it is killed.

    Returns:
        True when something was ended.

    Raises:
        ModelServerError: The process that started the server is still at work.
    """
    try:
        recorded: dict[str, Any] = json.loads(record.read_text())
        owner, group, processes = recorded["owner"], int(recorded["group"]), list(recorded["processes"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    alive = [process for process in processes if is_alive(process)]
    if alive and is_alive(owner):
        raise ModelServerError(
            f"process {owner['pid']} already runs a vLLM server in {record.parent}; wait for it, stop it, or use "
            "another workspace"
        )
    if any(group_of(process["pid"]) == group for process in alive):
        end_group(group, patience_s)
    record.unlink(missing_ok=True)
    return bool(alive)


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _get(port: int | None, path: str) -> bytes | None:
    """GET from the local server without any proxy; None unless it answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(1 << 20)
        return body if response.status == 200 else None
    finally:
        connection.close()

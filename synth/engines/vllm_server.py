"""A vLLM server that a flow starts, watches and stops itself, so that one GPU serves at night and trains afterwards.

The server lives in vLLM's own environment (`make vllm`) and in a process group of its own, under a keeper
(`vllm_keeper.py`) that ends the group when the process that asked for it dies. Should even the keeper be killed, the
record beside the log names every process by pid *and* start time, and the next start ends what is left.

Not covered: a server on another machine, several GPUs beyond what `extra` says, two servers in one folder.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from storage.errors import CheckpointError, ModelServerError

PYTHON_VARIABLE = "NIGHTSCHOOL_VLLM_PYTHON"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
KEEPER = Path(__file__).resolve().with_name("vllm_keeper.py")
REMEDY = f"run `make vllm` in the checkout, or let {PYTHON_VARIABLE} name the Python of an environment that has vLLM"
NEUTRAL = {"repetition_penalty": 1.0, "top_k": 0, "min_p": 0.0}
"""Overrides what a checkpoint's generation_config.json would add: only what is in a call's content key may count."""

POLL_S = 0.25
LOG_LINES = 15
SAME_START_S = 1.0
"""Two start times of one process differ by rounding only; a pid is not given out twice within a second."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is started; the defaults suit a small model.

    Attributes:
        max_model_len: Longest prompt and completion together, in tokens; None takes the checkpoint's own.
        dtype: None is bfloat16 on a CPU and the checkpoint's own on a GPU.
        cpu_cache_gib: Memory for keys and values on a CPU.
        gpu_memory_share: Share of a GPU's memory that vLLM takes.
        start_limit_s: Seconds until it must be healthy: 35 on two quiet cores, up to 170 on busy ones.
        stop_limit_s: Seconds it may take to stop before it is killed.
        extra: Further arguments of `vllm serve`.
    """

    max_model_len: int | None = None
    dtype: str | None = None
    cpu_cache_gib: int = 1
    gpu_memory_share: float = 0.9
    start_limit_s: float = 240.0
    stop_limit_s: float = 15.0
    extra: tuple[str, ...] = ()


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
            raise ModelServerError(
                f"the vLLM server for {self.name!r} ended. Its log, {self.log}, says:\n{self._tail()}"
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
        python = vllm_python()
        if not (self.checkpoint / "config.json").is_file():
            raise CheckpointError(f"{self.checkpoint} holds no config.json: it is no checkpoint that vLLM could serve")
        self.folder.mkdir(parents=True, exist_ok=True)
        end_orphan(self.record, self.options.stop_limit_s)
        if self._port is None or not _is_free(self._port):
            self._port = _free_port()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        command = [sys.executable, "-I", str(KEEPER), str(os.getpid()), *self._command(python)]
        try:
            with self.log.open("wb") as log:
                self._keeper = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env=self._environment(python),
                    start_new_session=True,
                )
            self._write_record()
            self._wait_until_healthy()
            self._write_record()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server's whole group: first asked, then killed. Does nothing when there is none."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        _end_group(keeper.pid, self.options.stop_limit_s, keeper)
        self.record.unlink(missing_ok=True)

    def _command(self, python: Path) -> list[str]:
        options = self.options
        command = [str(python), str(python.with_name("vllm")), "serve", str(self.checkpoint)]
        command += ["--host", "127.0.0.1", "--port", str(self._port), "--served-model-name", self.name]
        command += ["--disable-uvicorn-access-log", "--override-generation-config", json.dumps(NEUTRAL)]
        if options.max_model_len is not None:
            command += ["--max-model-len", str(options.max_model_len)]
        if serves_on_cpu(python):
            # A seed beside chunked prefill kills the CPU server; compiling a small model costs over a minute.
            command += ["--dtype", options.dtype or "bfloat16", "--enforce-eager", "--no-enable-chunked-prefill"]
        else:
            command += ["--dtype", options.dtype or "auto", "--gpu-memory-utilization", str(options.gpu_memory_share)]
        return [*command, *options.extra]

    def _environment(self, python: Path) -> dict[str, str]:
        """Ours, less what would reach into another environment or close the server to our client."""
        unwanted = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "VLLM_API_KEY"}
        environment = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        environment |= {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
        if serves_on_cpu(python):
            environment["VLLM_CPU_KVCACHE_SPACE"] = str(self.options.cpu_cache_gib)
            environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve each other on shared cores
        return environment

    def _wait_until_healthy(self) -> None:
        began = time.monotonic()
        told = 0.0
        while True:
            self.check()
            if self._is_healthy():
                return
            passed = time.monotonic() - began
            if passed > self.options.start_limit_s:
                raise ModelServerError(
                    f"the vLLM server for {self.name!r} was not healthy after {self.options.start_limit_s:.0f} s "
                    f"(start_limit_s). Its log, {self.log}, says:\n{self._tail()}"
                )
            if passed - told >= 1.0:
                told = passed
                self._write_record()  # its processes come one after the other
                if self._progress is not None:
                    self._progress(passed, self._tail(1))
            time.sleep(POLL_S)

    def _is_healthy(self) -> bool:
        """Whether it is healthy, and is ours: a stranger on this port would not serve this name."""
        try:
            if _get(self._port, "/health") is None:
                return False
            listing = json.loads(_get(self._port, "/v1/models") or b"{}")
            return any(model.get("id") == self.name for model in listing.get("data", ()))
        except (OSError, http.client.HTTPException, ValueError, AttributeError, TypeError):
            return False

    def _tail(self, lines: int = LOG_LINES) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join([line[:300] for line in text.splitlines() if line.strip()][-lines:])

    def _write_record(self) -> None:
        assert self._keeper is not None
        record = {
            "group": self._keeper.pid,
            "owner": _identity(psutil.Process()),
            "processes": [_identity(process) for process in _members(self._keeper.pid)],
            "endpoint": self.endpoint,
            "checkpoint": str(self.checkpoint),
        }
        partial = self.record.with_suffix(".partial")
        partial.write_text(json.dumps(record, indent=1) + "\n")
        partial.replace(self.record)


def vllm_python() -> Path:
    """The Python of vLLM's environment: what NIGHTSCHOOL_VLLM_PYTHON names, or `.venv-vllm` in the checkout.

    Raises:
        ModelServerError: There is none, or vLLM is not installed in it.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    python = Path(named).expanduser().absolute() if named else CHECKOUT / ".venv-vllm" / "bin" / "python"
    if not python.exists():
        origin = f"{PYTHON_VARIABLE} names {python}, which does not exist" if named else f"there is no {python}"
        raise ModelServerError(f"vLLM is not installed: {origin}. Right would be: {REMEDY}.")
    if not python.with_name("vllm").exists():
        raise ModelServerError(f"the environment of {python} holds no vLLM. Right would be: {REMEDY}.")
    return python


def serves_on_cpu(python: Path) -> bool:
    """Whether an environment holds vLLM's CPU build."""
    return any(python.parent.parent.glob("lib/python3*/site-packages/vllm_cpu-*.dist-info"))


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
        told: dict[str, Any] = json.loads(record.read_text())
        owner, group, processes = told["owner"], int(told["group"]), list(told["processes"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    alive = [process for process in processes if _is_alive(process)]
    if alive and _is_alive(owner):
        raise ModelServerError(
            f"process {owner['pid']} already runs a vLLM server in {record.parent}; wait for it, stop it, or use "
            "another workspace"
        )
    if any(_group_of(process["pid"]) == group for process in alive):
        _end_group(group, patience_s)
    record.unlink(missing_ok=True)
    return bool(alive)


def _identity(process: psutil.Process) -> dict[str, float]:
    return {"pid": process.pid, "start": process.create_time()}


def _is_alive(identity: Any) -> bool:
    try:
        process = psutil.Process(identity["pid"])
        same: bool = abs(process.create_time() - identity["start"]) < SAME_START_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _members(group: int) -> list[psutil.Process]:
    """The living processes of a group; zombies wait for their parent and hold nothing."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _group_of(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _end_group(group: int, patience_s: float, leader: subprocess.Popen[bytes] | None = None) -> None:
    """Ask a whole group to stop, kill what has not after `patience_s`, and return when it is empty."""
    for signum, limit_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10.0)):
        if not _members(group):
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signum)
        deadline = time.monotonic() + limit_s
        while _members(group) and time.monotonic() < deadline:
            if leader is not None:
                leader.poll()
            time.sleep(0.05)
    if leader is not None:
        leader.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        port: int = candidate.getsockname()[1]
        return port


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

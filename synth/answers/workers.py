"""Processes that answer one request a line and are killed when an answer takes too long."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_START_S = 60.0


class Worker:
    """One process: `python -m module`, started when it is first asked, and again after it was ended.

    It prints `ready`, then reads a JSON value per line and prints a line for each.

    Args:
        module: The module that it runs.
        environment: Variables of its environment beside ours.
    """

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Any, limit_s: float) -> str | None:
        """Return the line that answers a request; None, and the process is gone, where it died or did not answer in time.

        Raises:
            RuntimeError: It does not start.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._line(limit_s)
        except OSError:  # it died, of memory for example
            line = None
        if line is None:
            self.end()
        return line

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self._environment},
        )
        if self._line(_START_S) != "ready":
            self.end()
            raise RuntimeError(f"{self._module} did not start; are its packages installed?")
        return self._process

    def _line(self, seconds: float) -> str | None:
        """Read one line, or return None when it has not come in time."""
        assert self._process is not None and self._process.stdout is not None
        descriptor, end, data = self._process.stdout.fileno(), time.monotonic() + seconds, b""
        while not data.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return None
            piece = os.read(descriptor, 4096)
            if not piece:
                return None
            data += piece
        return data.decode("ascii", "replace").strip()

    def end(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was left in the pipe has no reader
                        pipe.close()
            self._process = None


class Workers:
    """Several of them, for several threads, each of which waits for a free one.

    Args:
        module: The module that they run.
        size: How many there are at most.
        environment: Variables of their environment beside ours.
    """

    def __init__(self, module: str, size: int = 1, environment: Mapping[str, str] | None = None) -> None:
        self._free = [Worker(module, environment) for _ in range(size)]
        self._wait = threading.Condition()

    def ask(self, request: Any, limit_s: float) -> str | None:
        """Ask a free one; see `Worker.ask`."""
        with self._wait:
            while not self._free:
                self._wait.wait()
            worker = self._free.pop()
        try:
            return worker.ask(request, limit_s)
        finally:
            with self._wait:
                self._free.append(worker)
                self._wait.notify()

    def close(self) -> None:
        """End every process."""
        for worker in self._free:
            worker.end()


def half_the_cores() -> int:
    """Return how many processes of one kind a process of ours keeps at most."""
    return max(1, (os.cpu_count() or 2) // 2)

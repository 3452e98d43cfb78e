"""Computer algebra for what this package's own algebra does not read, in processes that are killed when they take too long.

SymPy and math-verify see only expressions within the limits of `symbolic_form`, and only there. A comparison that takes
longer than `LIMIT_S` is undecided.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache, lru_cache

from synth.answers.algebra.symbolic_form import expression
from synth.answers.outcome import Outcome

LIMIT_S = 0.7
"""Seconds for one comparison, after which its process is killed."""

_START_S = 60.0


@lru_cache(maxsize=10_000)
def compare_symbolically(gold: str, answer: str) -> Outcome:
    """Compare two expressions by computer algebra; undecided unless both are within the limits."""
    left, right = expression(gold), expression(answer)
    if left is None or right is None:
        return Outcome.UNVERIFIABLE
    return Outcome(pool().compare(left, right))


class Pool:
    """Processes that compare expressions. Safe for several threads, each of which waits for a free one.

    Args:
        size: How many there are at most; each is started when it is first needed.
    """

    def __init__(self, size: int = 1) -> None:
        self._free: list[_Process] = [_Process() for _ in range(size)]
        self._wait = threading.Condition()

    def compare(self, gold: str, answer: str) -> str:
        """Return `correct`, `wrong` or `unverifiable`."""
        with self._wait:
            while not self._free:
                self._wait.wait()
            process = self._free.pop()
        try:
            return process.compare(gold, answer)
        finally:
            with self._wait:
                self._free.append(process)
                self._wait.notify()

    def close(self) -> None:
        """End every process."""
        for process in self._free:
            process.end()


class _Process:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def compare(self, gold: str, answer: str) -> str:
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps([gold, answer]).encode() + b"\n")
            process.stdin.flush()
            outcome = self._line(LIMIT_S)
        except OSError:  # it died, of memory for example
            outcome = None
        if outcome not in ("correct", "wrong", "unverifiable"):
            self.end()
            return "unverifiable"
        return outcome

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "synth.answers.algebra.symbolic_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._line(_START_S) != "ready":
            self.end()
            raise RuntimeError("synth.answers.algebra.symbolic_worker did not start; is math-verify installed?")
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
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was left in the pipe has no reader
                        pipe.close()
            self._process = None


@cache
def pool() -> Pool:
    """Return the pool of this process, made at its first use."""
    processes = Pool(max(1, (os.cpu_count() or 2) // 2))
    atexit.register(processes.close)
    return processes

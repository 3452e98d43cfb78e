"""Whether an answer is the gold answer: exactly, then by type, then by computer algebra in a process that can be killed.

Three outcomes, and the first stage that decides wins. What no stage decides, or what takes longer than `LIMIT_S`, is
unverifiable, which is never counted as correct.
"""

import atexit
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache, lru_cache

from synth.answers.exact import UNPARSABLE_ANSWER, WRONG_ANSWER, compare
from synth.answers.math_form import expression
from synth.answers.numbers import MAX_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.typed import compare_typed

LIMIT_S = 0.7
"""Seconds for one comparison, after which its process is killed."""

_START_S = 60.0


def verify(gold: str, answer: str | None) -> Check:
    """Compare an extracted answer with the gold answer."""
    exact = compare(gold, answer)
    if answer is not None and exact.outcome is Outcome.CORRECT and _other_letter(gold, answer):
        return _check(Outcome.UNVERIFIABLE, exact)
    if answer is None or exact.outcome is not Outcome.UNVERIFIABLE or exact.reason != UNPARSABLE_ANSWER:
        return exact
    if len(gold) > MAX_ANSWER or len(answer) > MAX_ANSWER:
        return exact
    outcome = compare_typed(gold, answer, _plain)
    return exact if outcome is Outcome.UNVERIFIABLE else _check(outcome, exact)


def _other_letter(gold: str, answer: str) -> bool:
    """Whether a variable stands in another case; the letters of a choice (A to E) may."""
    pairs = [re.findall(r"(?<![A-Za-z\\\\])[A-Za-z](?![A-Za-z])", text) for text in (gold, answer)]
    return any(
        one != other and one.lower() == other.lower() and one.lower() > "e" for one, other in zip(*pairs, strict=False)
    )


def _check(outcome: Outcome, exact: Check) -> Check:
    reasons = {Outcome.CORRECT: None, Outcome.WRONG: WRONG_ANSWER, Outcome.UNVERIFIABLE: UNPARSABLE_ANSWER}
    return Check(outcome, exact.answer, reasons[outcome])


@lru_cache(maxsize=10_000)
def _plain(gold: str, answer: str) -> Outcome:
    exact = compare(gold, answer)
    if exact.outcome is not Outcome.UNVERIFIABLE:
        return exact.outcome
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
            said = self._line(LIMIT_S)
        except OSError:  # it died, of memory for example
            said = None
        if said not in ("correct", "wrong", "unverifiable"):
            self.end()
            return "unverifiable"
        return said

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "synth.answers.math_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._line(_START_S) != "ready":
            self.end()
            raise RuntimeError("synth.answers.math_worker did not start; is math-verify installed?")
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
    made = Pool(max(1, (os.cpu_count() or 2) // 2))
    atexit.register(made.close)
    return made

"""A disk that is full from every single write of a small night on. `make stress`.

There are about 2,000 writes, and each takes two nights and two checks: more than an hour on two cores. What has been tried is kept
in `stress/results/full_disk.json`, and the next run goes on from there while the code is the same. FULL_DISK_S=600 stops after so
many seconds; what was tried by then is spread evenly over the night. FULL_DISK_WORKERS is how many nights run at once.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from stress.faults.full_disk import PROBLEMS
from stress.faults.preload import library
from stress.nights import RESULTS, keep
from tests.server_program import CHECKOUT

LIMIT_S = float(os.environ.get("FULL_DISK_S", "inf"))
WORKERS = int(os.environ.get("FULL_DISK_WORKERS", os.cpu_count() or 1))
WIDEST = 64
WHOLE = {
    "planned": PROBLEMS, "done": PROBLEMS, "rows": PROBLEMS, "distinct_rows": PROBLEMS, "released": PROBLEMS,
    "calls": PROBLEMS, "agree": True, "wrong": [],
}  # fmt: skip


def broken(line: dict[str, Any]) -> str | None:
    """What did not hold of one night: a sentence without a traceback, nothing half written, and the next run whole."""
    if (
        line["status"] not in (0, 1)
        or "Traceback" in line["said"]
        or (line["status"] == 1) != ("error: " in line["said"])
    ):
        return f"status {line['status']}: {line['said'][-300:]}"
    if line["status"] == 1 and not re.search(r"(free|make) (some )?(space|room)", line["said"]):
        return f"no remedy: {line['said'][-300:]}"
    if line["wrong"]:
        return f"left half written: {line['wrong']}"
    if line["again"] != 0 or line["after"] != WHOLE:
        return f"the next run: {line['again']} {line['again_said'][-300:]} {line['after']} {line['after_said'][-300:]}"
    return None


def code() -> str:
    """A digest of the code that a night runs."""
    total = hashlib.sha256()
    for folder in ("flows", "synth", "filters", "storage"):
        for file in sorted((CHECKOUT / folder).rglob("*.py")):
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


def ranges(numbers: Collection[int]) -> str:
    """Numbers as text: 0-17, 19."""
    ordered, parts = sorted(numbers), list[str]()
    for number in ordered:
        if number - 1 not in numbers:
            parts.append(str(number))
        elif number + 1 not in numbers:
            parts[-1] += f"-{number}"
    return ", ".join(parts)


def numbers_of(text: str) -> set[int]:
    """The numbers of such a text."""
    ends = [part.partition("-") for part in text.split(", ") if part]
    return {number for first, _, last in ends for number in range(int(first), int(last or first) + 1)}


def spread(writes: int) -> Iterator[int]:
    """Every number below, wide apart first."""
    step, seen = WIDEST, set[int]()
    while step:
        for number in range(0, writes, step):
            if number not in seen:
                seen.add(number)
                yield number
        step //= 2


class Book:
    """What has been tried with the code as it is now: what an earlier run kept, and what is added."""

    def __init__(self) -> None:
        file = RESULTS / "full_disk.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        self._kept = kept if kept.get("code") == code() else {}
        self.tried = numbers_of(self._kept.get("tried_writes", ""))
        self.writes, self.stopped = self._kept.get("writes", 0), self._kept.get("stopped", 0)
        self.faults: dict[str, str] = {}
        self._lock = Lock()

    def add(self, line: dict[str, Any]) -> None:
        """Add what became of one night."""
        with self._lock:
            if (fault := broken(line)) is not None:
                self.faults[str(line["at"])] = fault
            elif line["at"] is not None:
                self.tried.add(line["at"])
                self.stopped += line["status"] == 1
            else:
                self.writes = self.writes or line["writes"]
            keep("full_disk", {"writes": self.writes, "tried": len(self.tried), "stopped": self.stopped,
                               "tried_writes": ranges(self.tried), "faults": self.faults, "code": code()})  # fmt: skip


def work(folder: Path, preload: Path, book: Book, remaining: Iterator[int]) -> None:
    """Have one process try what remains, a write at a time."""
    folder.mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(CHECKOUT), "LD_PRELOAD": str(preload), "FULL_DISK": str(folder), "NO_COLOR": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "stress.faults.full_disk", str(folder)]
    with subprocess.Popen(  # noqa: S603 - our own
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        book.add(json.loads(process.stdout.readline()))
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until and (at := next(remaining, None)) is not None:
            process.stdin.write(f"{at}\n")
            process.stdin.flush()
            book.add(json.loads(process.stdout.readline()))
        process.stdin.close()
    assert process.returncode == 0


class Remaining:
    """What no process has taken yet, for several threads."""

    def __init__(self, book: Book) -> None:
        self._book, self._lock, self._numbers = book, Lock(), None

    def __iter__(self) -> "Remaining":
        return self

    def __next__(self) -> int:
        with self._lock:
            self._numbers = self._numbers or (n for n in spread(self._book.writes) if n not in self._book.tried)
            return next(self._numbers)


def test_a_disk_that_is_full_at_every_write_of_a_night(tmp_path: Path) -> None:
    """Nothing is half written, the night ends with a sentence, and the same command again makes it whole."""
    book = Book()
    remaining, preload = Remaining(book), library("full_disk", tmp_path)
    with ThreadPoolExecutor(WORKERS) as pool:
        ended = [pool.submit(work, tmp_path / str(n), preload, book, remaining) for n in range(WORKERS)]
    for one in ended:
        one.result()
    assert not book.faults, book.faults
    if len(book.tried) < book.writes:
        pytest.skip(f"{len(book.tried)} of {book.writes} writes tried, all of them well; the next run goes on")

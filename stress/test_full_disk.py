"""A disk that is full from a write of a small night on, tried at one write after the other. `make stress`.

A night has about 2,000 writes of many kinds: a file, the call that writes to it, and the way through our code. Each try takes
two nights and two checks. First each file, call and innermost place of our code is tried at its first and last write and at one
between, then one write of each way to such a place, then all others, spread over the night, until FULL_DISK_S seconds have
passed (1,500; `inf` tries all). What has been tried is kept in `stress/results/full_disk.json`, and the next run goes on from
there while the code is the same. FULL_DISK_WORKERS is how many nights run at once.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import pytest

from stress.faults.full_disk import PROBLEMS
from stress.faults.preload import library
from stress.faults.writes import Kind, digest, in_order, table
from stress.nights import RESULTS, keep
from tests.server_program import CHECKOUT

LIMIT_S = float(os.environ.get("FULL_DISK_S", "1500"))
WORKERS = int(os.environ.get("FULL_DISK_WORKERS", os.cpu_count() or 1))
EACH = 3
"""How many writes to a file by a call at a place of our code are tried at least, where there are as many."""
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
    if line["wrong"] != []:
        return f"left half written: {line['wrong']} {line['wrong_said'][-300:]}"
    if line["again"] != 0 or line["after"] != WHOLE:
        return f"the next run: {line['again']} {line['again_said'][-300:]} {line['after']} {line['after_said'][-300:]}"
    return None


def code(files: Collection[str]) -> str:
    """A digest of the code that a night runs, of which these are the files."""
    total = hashlib.sha256()
    for file in sorted(files):
        path = CHECKOUT / file
        total.update(f"{file}\0".encode() + (path.read_bytes() if path.exists() else b""))
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


class Book:
    """What has been tried with the code as it is now: what an earlier run kept, and what is added.

    Attributes:
        tried: Numbers of the writes that were tried.
        faults: What did not hold, by number.
    """

    def __init__(self) -> None:
        file = RESULTS / "full_disk.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        kept = kept if kept and kept.get("code") == code(kept.get("files", [])) else {}
        self._files: list[str] = []
        self.tried = numbers_of(kept.get("tried_writes", ""))
        self.faults: dict[str, str] = {}
        self._stopped, self._hits = kept.get("stopped", 0), Counter[str](kept.get("hits", {}))
        self._kinds: list[Kind] = []
        self._lock = Lock()
        self._order: Iterator[int] = iter(())

    def begin(self, line: dict[str, Any]) -> None:
        """Take the night whose disk was never full: the first one says which writes there are."""
        with self._lock:
            if (fault := broken(line)) is not None:
                self.faults["none"] = fault
            if not self._kinds:
                self._files = line["files"]
                self._kinds = [Kind(file, call, tuple(way)) for file, call, way in line["kinds"]]
                met = {number for number, kind in enumerate(self._kinds) if digest(kind) in self._hits}
                self.tried &= met
                self._order = (number for number in in_order(self._kinds, EACH) if number not in self.tried)

    def next(self) -> int | None:
        """Return a write that is to be tried; None when there is none left."""
        with self._lock:
            return next(self._order, None)

    def add(self, line: dict[str, Any]) -> None:
        """Add what became of a night whose disk was full from a write on, and keep all of it."""
        with self._lock:
            if (fault := broken(line)) is not None:
                self.faults[str(line["at"])] = fault
            elif line["kinds"]:  # else this night had fewer writes than the first
                ((file, call, way),) = line["kinds"]
                self.tried.add(line["at"])
                self._hits[digest(Kind(file, call, tuple(way)))] += 1
                self._stopped += line["status"] == 1
            keep("full_disk", self.figures())

    def figures(self) -> dict[str, Any]:
        """Say how many writes were tried, and by file, call and place how many of how many."""
        rows, ways = table(self._kinds, self._hits), set(map(digest, self._kinds))
        return {
            "writes": len(self._kinds), "tried": len(self.tried), "stopped": self._stopped,
            "kinds": len(rows), "kinds_tried": sum(row["tried"] > 0 for row in rows), "each": EACH,
            "ways": len(ways), "ways_tried": len(ways & set(self._hits)), "faults": self.faults,
            "table": rows, "tried_writes": ranges(self.tried), "hits": dict(sorted(self._hits.items())),
            "files": self._files, "code": code(self._files),
        }  # fmt: skip

    def short(self) -> list[str]:
        """Name the kinds of which fewer writes were tried than should be, or not each way to them."""
        return [
            row["kind"]
            for row in table(self._kinds, self._hits)
            if row["tried"] < min(EACH, row["writes"]) or row["ways_tried"] < row["ways"]
        ]


def work(folder: Path, preload: Path, book: Book) -> None:
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
        book.begin(json.loads(process.stdout.readline()))
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until and (at := book.next()) is not None:
            process.stdin.write(f"{at}\n")
            process.stdin.flush()
            book.add(json.loads(process.stdout.readline()))
        process.stdin.close()
    assert process.returncode == 0


def test_a_disk_that_is_full_at_every_write_of_a_night() -> None:
    """Nothing is half written, the night ends with a sentence, and the same command again makes it whole."""
    in_memory = Path("/dev/shm")  # noqa: S108 - no night waits for a disk there
    book = Book()
    with TemporaryDirectory(prefix="full-disk-", dir=in_memory if os.access(in_memory, os.W_OK) else None) as name:
        folder = Path(name)
        preload = library("full_disk", folder)
        with ThreadPoolExecutor(WORKERS) as pool:
            ended = [pool.submit(work, folder / str(n), preload, book) for n in range(WORKERS)]
        for one in ended:
            one.result()
    assert not book.faults, book.faults
    if short := book.short():
        pytest.skip(
            f"all of {len(book.tried)} tried went well; {len(short)} kinds are not tried enough; the next run goes on"
        )

"""Handles for the fault tests: a server that can be killed and comes back, a client that can be killed and run again."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.server_program import CHECKOUT, ServerProgram
from tests.synth.faulty_client import Outcome

HERE = Path(__file__).parent


@dataclass
class Server(ServerProgram):
    """A faulty server at a fixed port, with its book, and when its client was killed and was gone."""

    module: str = "tests.synth.faulty_server"
    book: Path = Path()
    kills: list[tuple[float, float]] = field(default_factory=list)

    def counted(self, mark: str) -> int:
        """Lines of the book with a mark: answered `a`, asked again after that `r`, faults `f`."""
        return self.book.read_text().count(f"{mark} ") if self.book.exists() else 0

    def answered(self) -> Counter[str]:
        """How often each request was answered in full."""
        return Counter(line.split()[1] for line in self.book.read_text().splitlines() if line.startswith("a "))

    def kill_client(self, client: "subprocess.Popen[str]") -> None:
        """`kill -9` a client, and note when that was sent and when the process was gone."""
        sent = time.monotonic()
        client.kill()
        client.communicate()
        self.kills.append((sent, time.monotonic()))

    def paid_again(self, before_s: float | None = None) -> int:
        """Answers that were given and asked for again all the same; with `before_s` those given so long before a kill was sent.

        An answer counts as given once the server has written its last byte. By default that includes what it wrote to a client
        that was dying: the kernel closes a killed process's connections only when its memory is gone. Each is lost at most
        once: when the client is killed again before the second answer is written, nothing more was given. `counted("r")`
        counts such a third question as well.
        """
        lost, given = 0, dict[str, float]()
        for line in self.book.read_text().splitlines():
            mark, name, moment = line.split()
            if mark == "a":
                given[name] = float(moment)
            elif mark == "r" and name in given:
                since, asked = given.pop(name), float(moment)
                dying = any(sent < since <= gone for sent, gone in self.kills)
                there = any(since + (before_s or 0.0) <= sent <= asked for sent, _ in self.kills)
                lost += before_s is None or (there and not dying)
        return lost


@contextlib.contextmanager
def serving(folder: Path, fault: str = "none", seconds: float = 0.05) -> Iterator[Server]:
    book = folder / f"book-{fault}"
    server = Server(arguments=(book, fault, seconds), book=book)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def start_client(
    server: Server, ledger: Path, count: int, concurrency: int, timeout_s: float = 60
) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        str(HERE / "faulty_client.py"),
        server.endpoint,
        str(ledger),
        str(count),
        str(concurrency),
    ]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        [*command, str(timeout_s)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def kill_at_random(
    server: Server,
    ledger: Path,
    kills: int,
    count: int,
    concurrency: int,
    chance: random.Random,
    timeout_s: float = 60.0,
) -> Outcome:
    """Run a client, kill it `kills` times at random moments of its work, and let the last one finish."""
    for number in range(kills):
        goal = server.counted("a") + chance.randint(1, max(2, (count - server.counted("a")) // (kills - number + 1)))
        client = start_client(server, ledger, count, concurrency, timeout_s)
        while client.poll() is None and server.counted("a") < goal:
            time.sleep(chance.uniform(0.002, 0.02))
        server.kill_client(client)
    client = start_client(server, ledger, count, concurrency, timeout_s)
    out, err = client.communicate(timeout=600)
    assert client.returncode == 0, err[-2000:]
    return Outcome(**json.loads(out))

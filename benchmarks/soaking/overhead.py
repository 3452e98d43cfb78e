"""What Prefect adds to a night: the flow against the same code as plain function calls, in alternation, in one process.

Each shard takes the same time by the clock, because its model only sleeps, so nothing but the orchestration differs.
The server is started first and its start reported apart; each arm is warmed up by a night of one shard.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.request import urlopen

import yaml

from storage.ports import free_port
from synth.engines.base import Answer, Request
from synth.problems import get_task

DATE = "2026-01-01"
ATTEMPTS = 20
"""Attempts per shard; all of them sleep at once."""


class Sleeper:
    """Answers by rule after a fixed time."""

    model = "sleeper@1"
    concurrency = 10_000
    reads_problem = True
    scores_text = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def answer(self, request: Request) -> Answer:
        """Sleep, then solve."""
        await asyncio.sleep(self.seconds)
        return Answer(str(get_task(request.problem.task).solve(request.problem)), "stop")

    async def close(self) -> None:
        """Nothing to release."""


def recipe(shards: int) -> dict[str, Any]:
    """A night of so many shards."""
    source = {"name": "arithmetic", "kind": "arithmetic", "options": {"tiers": [1]}}
    return {
        "name": "overhead",
        "shard": ATTEMPTS,
        "problems": {"limit": shards * ATTEMPTS, "sources": [source]},
        "models": {"teacher": {"engine": "solver"}},
        "methods": [{"method": "cot", "params": {"temperature": 0}}],
    }


def measure(*, shards: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Run the arms in turn and return their times and what the flow takes longer, for the night and for a shard.

    Args:
        shards: Shards of the night.
        seconds: How long a shard takes.
        rounds: Nights of each arm.
    """
    with tempfile.TemporaryDirectory(prefix="nightschool-overhead-") as name, _server(Path(name)) as start_s:
        folder = Path(name)
        _once(folder, "plain", 1, 0.0)
        _once(folder, "flow", 1, 0.0)
        times: dict[str, list[float]] = {"plain": [], "flow": []}
        for number in range(rounds):
            for arm in ("plain", "flow") if number % 2 == 0 else ("flow", "plain"):
                times[arm].append(_once(folder, arm, shards, seconds))
        plain, flow = (statistics.median(times[arm]) for arm in ("plain", "flow"))
        alone = {arm: [_once(folder, arm, 1, seconds) for _ in range(rounds)] for arm in ("plain", "flow")}
        fixed = statistics.median(alone["flow"]) - statistics.median(alone["plain"])
        return {
            "shards": shards,
            "shard_seconds": seconds,
            "plain_s": [round(value, 3) for value in times["plain"]],
            "flow_s": [round(value, 3) for value in times["flow"]],
            "overhead_percent": round(100 * (flow - plain) / plain, 3),
            "overhead_ms_per_shard": round(1000 * (flow - plain) / shards, 1),
            "overhead_percent_of_shard_seconds": round(100 * (flow - plain) / (shards * seconds), 3),
            "one_shard_night_ms": round(1000 * fixed, 1),
            "server_start_s": round(start_s, 1),
        }


def _once(folder: Path, arm: str, shards: int, seconds: float) -> float:
    """Run one night and return how long it took."""
    root = Path(tempfile.mkdtemp(prefix=f"{arm}-", dir=folder))
    file = root / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe(shards)))
    with patch("flows.night.night.open_engine", lambda *_: Sleeper(seconds)):
        began = time.monotonic()
        summary = asyncio.run(_night(arm, file, root / "w"))
        took = time.monotonic() - began
    assert summary["funnel"][0]["done"] == shards * ATTEMPTS, summary["funnel"]
    return took


async def _night(arm: str, file: Path, root: Path) -> dict[str, Any]:
    from flows.nightly import nightly
    from flows.recipe.recipe import load_recipe

    from .plain import plain_nights

    if arm == "plain":
        return (await plain_nights(load_recipe(file), [DATE], root))[0]
    return dict(await nightly(str(file), date=DATE, workspace=str(root), quiet=True))


@contextmanager
def _server(folder: Path) -> Iterator[float]:
    """A Prefect server of its own, used by this process; gives the seconds until it answered."""
    from flows.service.orchestrator import settle

    settle()
    if "prefect" in sys.modules:
        raise RuntimeError("Prefect is imported already, and so would start a server of its own")
    port = free_port()
    os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    began = time.monotonic()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() - began > 240:
                    raise RuntimeError((folder / "server.log").read_text()[-2000:]) from None
                time.sleep(0.05)
        yield time.monotonic() - began
    finally:
        server.terminate()
        server.wait(timeout=60)

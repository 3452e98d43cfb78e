"""The faults between a client and a server at their full counts: twenty kills each. `make stress`.

What was counted goes to `stress/results/generation_faults.json`, one entry per case, with the date, the versions and the load
of the machine.
"""

import asyncio
import json
import os
import platform
import random
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from synth.engines import fleet, vllm
from tests.synth.faults import kill_at_random, serving
from tests.synth.faulty_client import run

KILLS = 20
RESULTS = Path(__file__).parent / "results" / "generation_faults.json"


def keep(case: str, **figures: Any) -> None:
    """Write one case's figures beside the others."""
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept[case] = {
        **figures,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "load": round(os.getloadavg()[0], 1),
    }
    RESULTS.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(fleet, "PROBE_S", 0.1)


@pytest.mark.parametrize("fault", ["none", "rates", "hang", "truncated", "garbage", "reset"])
def test_a_client_killed_twenty_times(fault: str, tmp_path: Path) -> None:
    """At the pace of a real server on two cores: 64 open, 1.5 s each, 43 answers a second.

    `paid_again` counts answers whose last byte the server had written and that were asked for again; `asked_again` counts
    the questions, so one that was killed once more before its second answer was written stands there twice.
    """
    with serving(tmp_path, fault, 1.5) as server:
        outcome = kill_at_random(server, tmp_path / "ledger.sqlite", KILLS, 1000, 64, random.Random(), timeout_s=10)
        again, asked, faults = server.paid_again(), server.counted("r"), server.counted("f")
    figures = {"kills": KILLS, "paid_again": again, "asked_again": asked, "faults": faults}
    keep(f"client killed, server {fault}", **figures, **outcome.__dict__)
    assert outcome.planned == outcome.done == outcome.recorded == outcome.texts == 1000
    assert again <= 32


async def test_a_server_killed_twenty_times(tmp_path: Path) -> None:
    """Away for 0.1 to 5 seconds each time; open requests are asked again."""
    with serving(tmp_path, "none", 0.2) as server:
        working = asyncio.create_task(run(server.endpoint, tmp_path / "ledger.sqlite", 6000, 64))
        for number in range(KILLS):
            goal = server.counted("a") + 200
            while server.counted("a") < goal:
                await asyncio.sleep(0.01)
            server.kill()
            await asyncio.sleep(5.0 if number % 4 == 0 else random.uniform(0.1, 2))
            server.start()
        outcome = await working
        again = server.paid_again()
    keep("server killed and back", kills=KILLS, paid_again=again, **outcome.__dict__)
    assert outcome.planned == outcome.done == outcome.recorded == outcome.texts == 6000
    assert again <= 6 * 32


@pytest.mark.parametrize("fault", ["rates", "hang", "truncated", "garbage", "reset"])
async def test_ten_thousand_requests_through_a_faulty_server(fault: str, tmp_path: Path) -> None:
    """Without a kill no answer is ever asked for again."""
    with serving(tmp_path, fault, 0.1) as server:
        outcome = await run(server.endpoint, tmp_path / "ledger.sqlite", 10_000, 256, timeout_s=3.0)
        again, faults = server.counted("r"), server.counted("f")
    keep(f"10,000 requests, server {fault}", paid_again=again, faults=faults, **outcome.__dict__)
    assert outcome.planned == outcome.done + sum(outcome.failed.values())
    assert outcome.done == outcome.recorded == outcome.texts
    assert outcome.done >= 9_990  # a request that meets five faults in a row by chance fails as `server_error`
    assert again == 0

"""Every fault between a client and a server, with real processes: nothing lost, nothing twice, all accounted for.

A few kills each here; `stress/test_generation_faults.py` has the full counts.
"""

import asyncio
import logging
import random
from pathlib import Path

import pytest

from storage.errors import ModelServerError
from synth.engines import fleet, poison_requests, stalled_requests, vllm
from tests.synth.faults import Server, kill_at_random, serving
from tests.synth.faulty_client import Outcome, run
from tests.synth.faulty_server import KEY

pytestmark = pytest.mark.slow

KILLS = 5
PAID_AGAIN = 32
"""Of 1,000 answers that had fully arrived, at most so many are paid again after kills of the client."""
STALL_S = 0.5
"""So long a machine with other work may keep a client from reading what has arrived: not its fault, and not counted here.
`stress/test_generation_faults.py` counts all, on a machine of its own."""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(fleet, "PROBE_S", 0.1)


def accounted(outcome: Outcome, server: Server) -> None:
    """Planned = done + failed; each answer in the ledger once, and none asked for again."""
    assert outcome.planned == outcome.done + sum(outcome.failed.values())
    assert outcome.done == outcome.recorded == outcome.texts
    assert server.counted("r") == 0
    assert set(server.answered().values()) == {1}


@pytest.mark.parametrize("fault", ["rates", "hang", "truncated", "garbage", "reset"])
async def test_a_server_with_faults_loses_nothing(fault: str, tmp_path: Path) -> None:
    patience_s = 5.0 if fault == "hang" else 60.0
    with serving(tmp_path, fault, 0.03) as server:
        outcome = await run(server.endpoint, tmp_path / "ledger.sqlite", 400, 64, timeout_s=patience_s)
        accounted(outcome, server)
        assert server.counted("f") > 0
    assert (outcome.done, outcome.failed) == (400, {})


@pytest.mark.parametrize(
    ("fault", "reason", "tries"),
    [("too_long", "prompt_too_long", 1), ("poison", "server_error", poison_requests.TRIES)],
)
async def test_one_request_at_fault_fails_alone(fault: str, reason: str, tries: int, tmp_path: Path) -> None:
    with serving(tmp_path, fault) as server:
        outcome = await run(server.endpoint, tmp_path / "ledger.sqlite", 200, 64)
        accounted(outcome, server)
        assert server.counted("f") == tries
    assert (outcome.done, outcome.failed) == (199, {reason: 1})
    assert "private list" not in outcome.details[0]
    assert "HTTP" in outcome.details[0]


@pytest.mark.parametrize(("away_s", "most"), [(0.5, poison_requests.DEATHS), (0.0, 2 * poison_requests.DEATHS)])
async def test_a_request_that_kills_its_server_fails_and_the_rest_goes_on(
    away_s: float, most: int, tmp_path: Path
) -> None:
    """Somebody starts the server again, soon or so fast that nobody has missed it; its neighbours are asked again."""
    with serving(tmp_path, "deadly", 0.1) as server:
        working = asyncio.create_task(run(server.endpoint, tmp_path / "ledger.sqlite", 400, 64))
        deaths = 0
        while not working.done():
            if server.process is not None and server.process.poll() is not None:
                deaths += 1
                server.kill()
                await asyncio.sleep(away_s)
                await asyncio.to_thread(server.start)
            await asyncio.sleep(0.01)
        outcome = await working
        assert server.counted("r") <= PAID_AGAIN
    assert outcome.done == outcome.recorded == outcome.texts == 399
    assert deaths <= most
    if away_s:
        assert outcome.failed == {"kills_server": 1} and "the server died" in outcome.details[0]
    else:
        assert outcome.failed in ({"kills_server": 1}, {"server_error": 1})
    assert "private list" not in outcome.details[0]


@pytest.mark.timeout(120)
async def test_a_request_that_was_forgotten_is_asked_again_long_before_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("FLOOR_S", 0.5), ("QUIET_FLOOR_S", 1.0), ("SWEEP_S", 0.1)):
        monkeypatch.setattr(stalled_requests, name, seconds)
    with serving(tmp_path, "hang", 0.05) as server:
        outcome = await run(server.endpoint, tmp_path / "ledger.sqlite", 1000, 64, timeout_s=600)
        accounted(outcome, server)
        assert server.counted("f") > 0
    assert (outcome.done, outcome.failed) == (1000, {})


async def test_a_wrong_key_stops_the_run_and_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "sk-wrong-fedcba9876543210"
    monkeypatch.setenv("A_KEY", secret)
    ledger = tmp_path / "ledger.sqlite"
    with caplog.at_level(logging.DEBUG), serving(tmp_path, "key") as server:
        asyncio.get_running_loop().set_debug(True)
        with pytest.raises(ModelServerError, match=r"401, access denied; check .* A_KEY") as refused:
            await run(server.endpoint, ledger, 200, 64, api_key_env="A_KEY")
        assert server.counted("a") == 0
        monkeypatch.setenv("A_KEY", KEY)
        outcome = await run(server.endpoint, ledger, 200, 64, api_key_env="A_KEY")
        accounted(outcome, server)
    assert outcome.done == 200
    shown = caplog.text + "".join(capfd.readouterr()) + repr(refused.value)
    for piece in (secret, secret[:9], secret[-9:], KEY, "private list"):
        assert piece not in shown


async def test_a_server_that_is_killed_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    """Five kills; once it is away for five seconds. Every request in flight is asked again, and the pace comes back."""
    with serving(tmp_path, "none", 0.1) as server:
        working = asyncio.create_task(run(server.endpoint, tmp_path / "ledger.sqlite", 1500, 64))
        for away_s in (5.0, *(0.3 for _ in range(KILLS - 1))):
            goal = server.counted("a") + 150
            while server.counted("a") < goal:
                await asyncio.sleep(0.01)
            server.kill()
            await asyncio.sleep(away_s)
            server.start()
        outcome = await working
        assert outcome.planned == outcome.done == outcome.recorded == outcome.texts == 1500
        assert server.counted("r") <= PAID_AGAIN  # answered in the very moment of a kill
    assert outcome.allowed == 64


async def test_a_server_that_stays_away_stops_the_run_with_a_sentence(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with serving(tmp_path, "none", 0.05) as server:
        working = asyncio.create_task(run(server.endpoint, ledger, 400, 32, outage_s=1.0))
        while server.counted("a") < 100:
            await asyncio.sleep(0.01)
        server.kill()
        with pytest.raises(ModelServerError, match="run the same command again"):
            await working
        server.start()
        outcome = await run(server.endpoint, ledger, 400, 32)
        assert outcome.done == outcome.recorded == 400
        assert server.counted("r") <= PAID_AGAIN


async def test_one_endpoint_of_two_dies_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path, "none", 0.1) as first, serving(tmp_path / "other", "none", 0.1) as second:
        both = [first.endpoint, second.endpoint]
        working = asyncio.create_task(run(both, tmp_path / "ledger.sqlite", 1200, 32))
        while first.counted("a") < 200:
            await asyncio.sleep(0.01)
        first.kill()
        while second.counted("a") < 400:
            await asyncio.sleep(0.01)
        first.start()
        at_return = first.counted("a")
        outcome = await working
        assert outcome.done == outcome.recorded == 1200
        assert first.counted("a") - at_return > 100
        assert first.counted("r") + second.counted("r") == 0


@pytest.mark.timeout(300)
def test_a_client_killed_at_random_moments_pays_little_again(tmp_path: Path) -> None:
    """Paid again is an answer whose last byte the server had written, and that was asked for again (`Server.paid_again`)."""
    with serving(tmp_path, "none", 1.0) as server:
        ledger = tmp_path / "ledger.sqlite"
        outcome = kill_at_random(server, ledger, KILLS, 1000, 64, random.Random(7))
        assert outcome.planned == outcome.done == outcome.recorded == outcome.texts == 1000
        again = server.paid_again(STALL_S)
        print(
            f"{server.paid_again()} of 1,000 answers were paid again, {again} of those had arrived {STALL_S} s before the "
            f"kill; {server.counted('r')} questions were asked again after an answer"
        )
        assert again <= PAID_AGAIN

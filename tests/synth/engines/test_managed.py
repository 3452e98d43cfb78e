"""The managed engine's life with a stand-in server: started late, restarted when it dies, never left behind."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import psutil
import pytest

from storage.errors import ModelServerError
from storage.models.checkpoints import Checkpoint
from synth.engines import fleet, vllm
from synth.engines.base import Answer, Request, RequestRefused, Sampling
from synth.engines.managed import RESTARTS, ManagedVllm
from synth.engines.vllm_command import ServerOptions
from synth.problems.base import Problem
from tests.synth.engines.test_vllm_server import family, gone

pytestmark = pytest.mark.usefixtures("stand_in")
QUESTION = Request(({"role": "user", "content": "?"},), Sampling(), 1, "solve", cast("Problem", None))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(fleet, "PROBE_S", 0.05)


def managed(checkpoint: Path, folder: Path) -> ManagedVllm:
    options = ServerOptions(max_num_seqs=8, start_limit_s=20, stop_limit_s=1.5)
    return ManagedVllm(Checkpoint("digest", checkpoint, "given"), folder, concurrency=8, options=options)


def server_of(engine: ManagedVllm) -> psutil.Process:
    keeper = engine.server._keeper
    assert keeper is not None
    return psutil.Process(keeper.pid).children()[0]


async def test_it_starts_with_the_first_request_and_leaves_nothing(checkpoint: Path, tmp_path: Path) -> None:
    engine = managed(checkpoint, tmp_path / "served")
    await engine.close()
    assert not (tmp_path / "served").exists()
    answers = await asyncio.gather(*(engine.answer(QUESTION) for _ in range(5)))
    assert len({answer.text for answer in answers}) == 1
    processes = family(psutil.Process().pid)
    await engine.close()
    assert gone(processes)
    assert '"--max-num-seqs", "8"' in engine.server.log.read_text()


async def test_open_requests_are_asked_again_after_a_restart(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "held"
    monkeypatch.setenv("STAND_IN", "held")
    monkeypatch.setenv("STAND_IN_HELD", str(held))
    engine = managed(checkpoint, tmp_path / "served")
    first = await engine.answer(QUESTION)
    held.touch()
    working = [asyncio.create_task(engine.answer(QUESTION)) for _ in range(8)]
    await asyncio.sleep(0.1)
    server_of(engine).kill()
    held.unlink()
    texts = {answer.text for answer in await asyncio.gather(*working)}
    await engine.close()
    assert len(texts) == 1
    assert first.text not in texts


@pytest.mark.slow
async def test_a_server_that_keeps_dying_stops_the_run(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "mortal")
    engine = managed(checkpoint, tmp_path / "served")
    with pytest.raises(ModelServerError, match=rf"(?s)died {RESTARTS + 1} times.*status 9"):
        for _ in range(4 * RESTARTS):
            await engine.answer(QUESTION)
    await engine.close()
    assert gone(family(psutil.Process().pid))


async def test_a_request_that_kills_the_server_fails_alone(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a second one: what was found to be the reason does not count against the server."""
    monkeypatch.setenv("STAND_IN", "fragile")
    engine = managed(checkpoint, tmp_path / "served")
    poisons = [replace(QUESTION, messages=({"role": "user", "content": f"poison {n}"},)) for n in range(2)]
    working = [asyncio.create_task(engine.answer(question)) for question in [*poisons, *[QUESTION] * 6]]
    *killers, _, _, _, _, _, last = await asyncio.gather(*working, return_exceptions=True)
    assert [cast("RequestRefused", error).reason for error in killers] == ["kills_server"] * 2
    assert [task.exception() for task in working[2:]] == [None] * 6
    assert isinstance(last, Answer)
    assert (await engine.answer(QUESTION)).text.startswith("pid")
    await engine.close()


async def test_closing_during_the_start_leaves_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "hang")
    engine = managed(checkpoint, tmp_path / "served")
    asking = asyncio.create_task(engine.answer(QUESTION))
    while not engine.server.running:
        await asyncio.sleep(0.02)
    asking.cancel()
    await engine.close()
    assert gone(family(psutil.Process().pid))
    assert not engine.server.record.exists()

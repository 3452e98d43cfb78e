"""What the vLLM engine tries again, how often, and whom it blames in the end."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ModelServerError
from synth.engines import poison_requests, vllm, wire
from synth.engines.base import RequestRefused
from synth.engines.vllm import Vllm
from tests.synth.engines.scripted import Reply, ask, chat, once, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


TROUBLES = [
    Reply(429, {"error": {"message": "slow down"}}),
    Reply(500, b"oops"),
    Reply(503, {}),
    Reply(drop=True),
    Reply(body=b"not json"),
    Reply(body=b"[" * 200_000),
    Reply(body={"choices": []}),
    Reply(body=chat("cut", "abort")),
]


def name_of(reply: Reply) -> str:
    return f"{reply.status}-{str(reply.body)[:20]}{'-drop' if reply.drop else ''}"


@pytest.mark.parametrize("trouble", TROUBLES, ids=name_of)
async def test_what_may_pass_is_tried_again(trouble: Reply) -> None:
    answer, seen = await once(trouble, trouble, Reply())
    assert answer.text == "hello"
    assert len(seen) == 3


@pytest.mark.parametrize("trouble", TROUBLES, ids=name_of)
async def test_a_poison_request_fails_alone(trouble: Reply) -> None:
    """The canary is answered, so the request is at fault; nothing else has to succeed. A suspect's failures ask it each."""
    async with scripted(trouble) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        with pytest.raises(RequestRefused) as refused:
            await engine.answer(ask())
        await engine.close()
        assert endpoint.canaries == (1 if trouble.status in wire.BUSY else 3)
        assert len(endpoint.seen) == (6 if trouble.status in wire.BUSY else poison_requests.TRIES)
    assert refused.value.reason == ("too_busy" if trouble.status in wire.BUSY else "server_error")


@pytest.mark.parametrize("trouble", TROUBLES, ids=name_of)
async def test_a_server_at_fault_is_waited_for_then_named(trouble: Reply) -> None:
    async with scripted(trouble, canary=trouble) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", outage_s=0.3)
        with pytest.raises(ModelServerError, match=r"asked for 0\.3 s.*run the same command again"):
            await engine.answer(ask())
        tries = len(endpoint.seen)
        endpoint.replies = [Reply()]
        endpoint.canary = Reply()
        assert (await engine.answer(ask())).text == "hello"  # the next question begins a new wait
        await engine.close()
        assert tries <= max(6, poison_requests.TRIES)


async def test_a_server_that_is_away_is_named() -> None:
    engine = Vllm("http://127.0.0.1:9", "tiny", "digest", outage_s=0.2)
    with pytest.raises(ModelServerError, match=r"127\.0\.0\.1:9.*no connection"):
        await asyncio.gather(*(engine.answer(ask(seed=n)) for n in range(30)))
    await engine.close()


async def test_silence_is_waited_for_twice() -> None:
    async with scripted(Reply(wait_s=5)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", timeout_s=0.2)
        with pytest.raises(RequestRefused, match=r"no answer within 0\.2 s") as refused:
            await engine.answer(ask())
        await engine.close()
        assert refused.value.reason == "no_answer"
        assert len(endpoint.seen) == poison_requests.SILENT_TRIES


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_honoured(as_date: bool) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    header = {"Retry-After": format_datetime(moment, usegmt=True) if as_date else "1"}
    began = time.monotonic()
    await once(Reply(429, {}, header), Reply())
    assert time.monotonic() - began > 0.9


@given(st.integers(1, poison_requests.TRIES), st.none() | st.floats(0, 1e9))
def test_a_pause_is_never_endless(attempt: int, asked: float | None) -> None:
    pause = vllm.pause(attempt, asked)
    assert 0 < pause <= vllm.LONGEST_PAUSE_S
    assert asked is None or pause >= min(asked, vllm.LONGEST_PAUSE_S)


@given(st.text())
def test_any_retry_after_is_read(header: str) -> None:
    seconds = wire._seconds(header)
    assert seconds is None or seconds >= 0

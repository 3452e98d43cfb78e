"""The vLLM engine against a scripted server, and against vLLM itself."""

import asyncio
import gc
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ModelServerError, RecipeError
from synth.engines import collector, fleet, suspects, vllm, wire
from synth.engines.base import Answer, Engine, Message, Request, RequestRefused, Sampling
from synth.engines.vllm import Vllm
from synth.problems.base import Problem
from tests.servers import VllmEndpoint
from tests.synth.engines.conftest import Reply, chat, scripted

SECRET = "sk-not-for-anyone-1234567890"


def ask(text: str = "2 + 2?", seed: int = 1, **sampling: Any) -> Request:
    messages = cast("tuple[Message, ...]", ({"role": "user", "content": text},))
    return Request(messages, Sampling(**sampling), seed, act="solve", problem=cast("Problem", None))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(fleet, "PROBE_S", 0.02)
    monkeypatch.setattr(suspects, "BUSY_TRIES", 6)


async def once(*replies: Reply, request: Request | None = None, **options: Any) -> tuple[Answer, list[dict[str, Any]]]:
    """Ask a scripted server one question; returns the answer and what the server saw."""
    async with scripted(*replies) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", **options)
        try:
            return await engine.answer(request or ask()), endpoint.seen
        finally:
            await engine.close()


def test_it_is_an_engine() -> None:
    engine: Engine = Vllm("http://localhost:1", "tiny", "digest-of-weights", concurrency=9)
    assert (engine.model, engine.concurrency, engine.reads_problem) == ("digest-of-weights", 9, False)


async def test_the_request_holds_what_the_key_holds() -> None:
    request = ask("Où?", seed=2**63 + 5, temperature=0.7, top_p=0.9, max_tokens=12, stop=("\n",))
    answer, seen = await once(Reply(), request=request)
    assert replace(answer, seconds=0.0) == Answer("hello", "stop", 7, 3)
    assert answer.seconds > 0
    assert seen == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "Où?"}],
            "temperature": 0.7,
            "top_p": 0.9,
            "max_tokens": 12,
            "seed": 5,
            "stop": ["\n"],
        }
    ]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"error": {"message": "too many", "param": "input_tokens"}}, "prompt_too_long"),
        (400, {"error": {"message": "This model's maximum context length is 512 tokens"}}, "prompt_too_long"),
        (400, {"error": {"message": "over max_model_len", "param": "max_tokens"}}, "max_tokens_too_large"),
        (400, {"error": {"message": "temperature must be non-negative"}}, "bad_request"),
        (400, {"error": "just words"}, "bad_request"),
        (400, b"<html>", "bad_request"),
        (400, b"", "bad_request"),
        (413, b"", "prompt_too_long"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "not a number"}]}, "bad_request"),
    ],
)
async def test_refused_requests_have_a_stable_reason(status: int, body: Any, reason: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(status, body))
    assert refused.value.reason == reason
    assert str(refused.value)


async def test_words_of_a_server_are_cut() -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(400, {"error": {"message": "x" * 5000}}))
    assert len(str(refused.value)) <= wire.WORDS + len("HTTP 400: ")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 410, 422])
async def test_a_server_that_refuses_even_the_canary_stops_the_run(status: int) -> None:
    no = Reply(status, {"error": "no"}, {"Location": "/elsewhere"})
    async with scripted(no, canary=no) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        with pytest.raises(ModelServerError, match=str(status)):
            await engine.answer(ask())
        await engine.close()
        assert (len(endpoint.seen), endpoint.canaries) == (1, 1)


@pytest.mark.parametrize(("status", "reason"), [(403, "access_denied"), (404, "not_found"), (410, "bad_request")])
async def test_a_refusal_of_one_request_fails_that_request(status: int, reason: str) -> None:
    async with scripted(Reply(), Reply(status, {"error": {"message": "not this one"}}), Reply()) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        await engine.answer(ask())
        with pytest.raises(RequestRefused, match="not this one") as refused:
            await engine.answer(ask())
        await engine.answer(ask())
        await engine.close()
    assert refused.value.reason == reason


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
        assert len(endpoint.seen) == (6 if trouble.status in wire.BUSY else suspects.TRIES)
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
        assert tries <= max(6, suspects.TRIES)


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
        assert len(endpoint.seen) == suspects.SILENT_TRIES


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_honoured(as_date: bool) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    header = {"Retry-After": format_datetime(moment, usegmt=True) if as_date else "1"}
    began = time.monotonic()
    await once(Reply(429, {}, header), Reply())
    assert time.monotonic() - began > 0.9


@given(st.integers(1, suspects.TRIES), st.none() | st.floats(0, 1e9))
def test_a_pause_is_never_endless(attempt: int, asked: float | None) -> None:
    pause = vllm.pause(attempt, asked)
    assert 0 < pause <= vllm.LONGEST_PAUSE_S
    assert asked is None or pause >= min(asked, vllm.LONGEST_PAUSE_S)


@given(st.text())
def test_any_retry_after_is_read(header: str) -> None:
    seconds = wire._seconds(header)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (chat(None), "malformed_answer"),
        (chat(None, "length"), "malformed_answer"),
        (chat("text", "tool_calls"), "malformed_answer"),
        (chat("text", None), "malformed_answer"),
        (chat("half \ud800 a pair"), "malformed_answer"),
        (chat("", "content_filter"), "content_filter"),
        (b" " * (wire.LARGEST_ANSWER + 1), "malformed_answer"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_an_answer_without_usable_text_is_refused(body: Any, reason: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(Reply(body=body))
    assert refused.value.reason == reason


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}])
async def test_missing_usage_counts_as_nothing(usage: Any) -> None:
    answer, _ = await once(Reply(body=chat(usage=usage)))
    assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)


async def test_a_schema_is_sent_and_left_to_the_caller() -> None:
    schema = '{"properties":{"x":{"type":"integer"}},"type":"object"}'
    answer, seen = await once(Reply(body=chat('{"x": "no"}')), request=ask(schema=schema))
    form = {"name": "answer", "schema": json.loads(schema), "strict": True}
    assert seen[0]["response_format"] == {"type": "json_schema", "json_schema": form}
    assert answer.text == '{"x": "no"}'  # recorded as it came; `Reply.value` is what is checked


async def test_an_answer_cut_at_max_tokens_passes_through() -> None:
    answer, _ = await once(Reply(body=chat("and so", "length")), request=ask(max_tokens=3))
    assert answer.finish_reason == "length"


async def test_an_answer_cut_by_the_context_is_refused() -> None:
    """The server's max_model_len is no part of the content key, so it must not decide what is recorded."""
    with pytest.raises(RequestRefused, match="3 of 12 tokens") as refused:
        await once(Reply(body=chat("and so", "length")), request=ask(max_tokens=12))
    assert refused.value.reason == "context_full"


async def test_closing_ends_what_is_open() -> None:
    async with scripted(Reply(wait_s=30)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", concurrency=2)
        asking = [asyncio.create_task(engine.answer(ask(seed=n))) for n in range(5)]
        await asyncio.sleep(0.2)
        await engine.close()
        for end in await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 5):
            assert isinstance(end, ModelServerError)
            assert "closed" in str(end)
        assert not engine._http.is_open


async def test_two_endpoints_share_the_work() -> None:
    async with scripted(Reply(wait_s=0.05)) as first, scripted(Reply(wait_s=0.05)) as second:
        engine = Vllm([first.url, second.url], "tiny", "digest", concurrency=8)
        assert engine.concurrency == 16
        await asyncio.gather(*(engine.answer(ask(seed=n)) for n in range(64)))
        await engine.close()
        assert len(first.seen) + len(second.seen) == 64
        assert min(len(first.seen), len(second.seen)) >= 16


async def test_a_message_that_is_no_unicode_never_leaves() -> None:
    with pytest.raises(RequestRefused) as refused:
        await once(request=ask("half \udfff a pair"))
    assert refused.value.reason == "bad_request"


async def test_the_credential_is_read_at_use_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted() as endpoint:
        engine = Vllm(endpoint.url + "/v1/", "tiny", "digest", api_key_env="A_KEY")
        monkeypatch.delenv("A_KEY", raising=False)
        with pytest.raises(ModelServerError, match="A_KEY"):
            await engine.answer(ask())
        monkeypatch.setenv("A_KEY", SECRET)
        await engine.answer(ask())
        await engine.close()
        assert [headers["Authorization"] for headers in endpoint.headers] == [f"Bearer {SECRET}"]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 429, 500])
async def test_no_error_holds_the_credential(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    echo = {"error": {"message": f"you sent Bearer {SECRET}"}}
    async with scripted(Reply(status, echo), canary=Reply(status, echo)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", api_key_env="A_KEY", outage_s=0.1)
        with pytest.raises((ModelServerError, RequestRefused)) as refused:
            await engine.answer(ask())
        await engine.close()
    assert SECRET[:8] not in repr(refused.value) + str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


async def test_a_credential_with_a_line_break_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", f"{SECRET}\r\nX-Other: 1")
    with pytest.raises(ModelServerError, match="A_KEY") as refused:
        await once(api_key_env="A_KEY")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint", ["", "localhost:8000", "ftp://host", "http://", "http://host:99999999", "http://[::1"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(RecipeError, match="endpoint"):
        Vllm(endpoint, "tiny", "digest")


@pytest.mark.parametrize("endpoint", [f"http://me:{SECRET}@host", f"https://host/v1?key={SECRET}"])
def test_an_endpoint_never_carries_a_credential(endpoint: str) -> None:
    with pytest.raises(RecipeError, match="api_key_env") as refused:
        Vllm(endpoint, "tiny", "digest")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("endpoint", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
def test_an_endpoint_may_end_in_v1(endpoint: str) -> None:
    assert Vllm(endpoint, "tiny", "digest").fleet.members[0].root == "http://h:1"


def test_an_engine_outlives_its_event_loop() -> None:
    async def ask_twice(engine: Vllm, endpoint_replies: int) -> None:
        async with scripted(*[Reply()] * endpoint_replies) as endpoint:
            engine.fleet.members[0].root = endpoint.url
            await engine.answer(ask())
            await engine.close()

    engine = Vllm("http://127.0.0.1:9", "tiny", "digest")
    asyncio.run(ask_twice(engine, 1))
    asyncio.run(ask_twice(engine, 1))


async def test_the_collector_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_holders", 0)  # whatever other tests hold
    gc.set_threshold(700)
    before = gc.get_threshold()
    async with scripted() as endpoint:
        engines = [Vllm(endpoint.url, "tiny", "digest") for _ in range(2)]
        for engine in engines:
            await engine.answer(ask())
        assert gc.get_threshold()[0] > before[0]
        for engine in engines:
            await engine.close()
    assert gc.get_threshold() == before


async def test_cancelling_cancels_the_request() -> None:
    async with scripted(Reply(wait_s=30)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest")
        task = asyncio.create_task(engine.answer(ask()))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.close()


@pytest.mark.vllm
@pytest.mark.timeout(420)
class TestReal:
    """Against the suite's vLLM server."""

    async def test_it_answers_fifty_seeded_chats_at_once(self, vllm_server: VllmEndpoint) -> None:
        engine = Vllm(vllm_server.endpoint, vllm_server.name, "digest")
        questions = [ask(f"question {n % 10}", seed=n, temperature=1.0, max_tokens=24) for n in range(50)]
        answers = await asyncio.gather(*(engine.answer(question) for question in questions))
        await engine.close()
        assert {answer.finish_reason for answer in answers} <= {"stop", "length"}
        assert all(0 < answer.completion_tokens <= 24 and answer.prompt_tokens > 10 for answer in answers)
        assert max(Counter(answer.text for answer in answers).values()) < 5  # seeds differ, so do the texts

    async def test_greedy_and_stop_strings_are_obeyed(self, vllm_server: VllmEndpoint) -> None:
        engine = Vllm(vllm_server.endpoint, vllm_server.name, "digest")
        whole = await engine.answer(ask("tell me", max_tokens=24))
        letter = whole.text[3]
        cut = await engine.answer(ask("tell me", max_tokens=24, stop=(letter,)))
        await engine.close()
        assert cut.text == whole.text.split(letter)[0]
        assert cut.finish_reason == "stop"

    @pytest.mark.parametrize(
        ("length", "room", "reason"), [(3000, 8, "prompt_too_long"), (20, 3000, "max_tokens_too_large")]
    )
    async def test_what_does_not_fit_is_refused(
        self, vllm_server: VllmEndpoint, length: int, room: int, reason: str
    ) -> None:
        engine = Vllm(vllm_server.endpoint, vllm_server.name, "digest")
        with pytest.raises(RequestRefused) as refused:
            await engine.answer(ask("x" * length, max_tokens=room))
        await engine.close()
        assert refused.value.reason == reason

    async def test_an_unknown_model_is_named(self, vllm_server: VllmEndpoint) -> None:
        engine = Vllm(vllm_server.endpoint, "other", "digest")
        with pytest.raises(ModelServerError, match=r"'other'.*404"):
            await engine.answer(ask())
        await engine.close()

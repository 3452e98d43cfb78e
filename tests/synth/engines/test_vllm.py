"""The vLLM engine against a scripted server, and against vLLM itself."""

import asyncio
import gc
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from storage.errors import ModelServerError
from synth.engines import collector
from synth.engines.base import Answer, Engine, RequestRefused
from synth.engines.vllm import Vllm
from tests.servers import VllmEndpoint
from tests.synth.engines.scripted import Reply, ask, chat, once, scripted

pytestmark = pytest.mark.usefixtures("short_pauses")


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


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}])
async def test_missing_usage_counts_as_nothing(usage: Any) -> None:
    answer, _ = await once(Reply(body=chat(usage=usage)))
    assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)


async def test_an_assistants_turn_at_the_end_is_continued() -> None:
    question = ask("Five and three?")
    begun = (*question.messages, {"role": "assistant", "content": "5 + 3 = 8\n"})
    _, continued = await once(Reply(), request=replace(question, messages=begun))
    _, plain = await once(Reply(), request=question)
    assert continued[0]["messages"] == list(begun) and continued[0]["continue_final_message"] is True
    assert continued[0]["add_generation_prompt"] is False and "continue_final_message" not in plain[0]


async def test_a_schema_is_sent_and_left_to_the_caller() -> None:
    schema = '{"properties":{"x":{"type":"integer"}},"type":"object"}'
    answer, seen = await once(Reply(body=chat('{"x": "no"}')), request=ask(schema=schema))
    form = {"name": "answer", "schema": json.loads(schema), "strict": True}
    assert seen[0]["response_format"] == {"type": "json_schema", "json_schema": form}
    assert answer.text == '{"x": "no"}'  # recorded as it came; `Reply.value` is what is checked


async def test_an_answer_cut_at_max_tokens_passes_through() -> None:
    answer, _ = await once(Reply(body=chat("and so", "length")), request=ask(max_tokens=3))
    assert answer.finish_reason == "length"


async def test_closing_ends_what_is_open() -> None:
    async with scripted(Reply(wait_s=30)) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", concurrency=2)
        asking = [asyncio.create_task(engine.answer(ask(seed=n))) for n in range(5)]
        await asyncio.sleep(0.2)
        await engine.close()
        for end in await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 30):
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

    async def test_an_assistants_turn_is_continued(self, vllm_server: VllmEndpoint) -> None:
        engine = Vllm(vllm_server.endpoint, vllm_server.name, "digest")
        question = ask("tell me", max_tokens=4)
        begun = replace(question, messages=(*question.messages, {"role": "assistant", "content": "5 + 3"}))
        whole, rest = await engine.answer(question), await engine.answer(begun)
        await engine.close()
        assert rest.prompt_tokens == whole.prompt_tokens + len("5 + 3")  # it reads letter by letter; no turn was closed

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

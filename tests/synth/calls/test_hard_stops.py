"""What a night may spend is never overrun: by answers of no use, lost tries, many at once, servers that do not count."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from storage.errors import BudgetError
from synth.calls.ask import Asker
from synth.calls.budget import Budget, Price
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines import vllm
from synth.engines.base import RequestRefused
from synth.engines.vllm import Vllm
from tests.synth.engines.scripted import Reply, chat, scripted

NIGHT = "2026-01-01/test"
TOOL = {"function": {"name": "calculator", "arguments": "{}"}, "id": "1", "type": "function"}
USAGE = {"prompt_tokens": 40, "completion_tokens": 6}
REFUSED = {
    "content_filter": chat("half of", "content_filter", usage=USAGE),
    "malformed_answer": chat("half of", "who knows", usage=USAGE),
    "context_full": chat("half of", "length", usage=USAGE),
    "tool_call": {
        "choices": [{"message": {"content": None, "tool_calls": [TOOL]}, "finish_reason": "tool_calls"}],
        "usage": USAGE,
    },
    "not_text": {
        "choices": [
            {"message": {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    },
}


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(vllm, "FIRST_PAUSE_S", 0.001)


@asynccontextmanager
async def night(ledger, *replies, night=NIGHT, **budget):
    """A server and an asker of it with a budget."""
    async with scripted(*replies) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "tiny@1", concurrency=32)
        asker = Asker(
            ledger,
            {"student": engine},
            Prompts(),
            night=night,
            budget=Budget(**budget),
            prices={"student": Price(1e6, 1e6)},
        )
        try:
            yield endpoint, asker
        finally:
            await engine.close()


async def ask(asker, problem, sample=0):
    return await Models(asker, problem, 0).student("solve", sample=sample, max_tokens=50)


@pytest.mark.parametrize("reason", REFUSED)
async def test_a_refused_answer_is_paid_recorded_and_not_asked_again(ledger, problems, reason):
    for replay in range(2):
        async with night(ledger, Reply(body=REFUSED[reason])) as (endpoint, asker):
            with pytest.raises(RequestRefused) as refused:
                await ask(asker, problems[0])
            assert refused.value.reason == reason
            assert (len(endpoint.seen), asker.made, asker.found) == ((1, 1, 0) if replay == 0 else (0, 0, 1))
    spent = ledger.spent(NIGHT)
    assert (spent.calls, spent.prompt_tokens, spent.completion_tokens, spent.cost) == (1, 40, 6, 46.0)
    (call,) = ledger.unpublished()
    assert call.finish_reason == reason and call.sampling["refused"] == str(refused.value)


async def test_another_night_asks_again_what_was_refused(ledger, problems):
    async with night(ledger, Reply(body=REFUSED["context_full"])) as (_, asker):
        with pytest.raises(RequestRefused):
            await ask(asker, problems[0])
    async with night(ledger, Reply(), night="2026-01-02/test") as (_, asker):
        assert (await ask(asker, problems[0])).text == "hello"


@pytest.mark.parametrize("reason", REFUSED)
async def test_five_calls_mean_five_when_every_answer_is_refused(ledger, problems, reason):
    async with night(ledger, Reply(body=REFUSED[reason], wait_s=0.01), calls=5) as (endpoint, asker):
        outcomes = await asyncio.gather(*(ask(asker, problems[0], n) for n in range(40)), return_exceptions=True)
        assert len(endpoint.seen) == 5
    assert sum(isinstance(outcome, BudgetError) for outcome in outcomes) == 35


@pytest.mark.parametrize(
    "reply", [Reply(500, {"error": "no"}), Reply(drop=True), Reply(body=b"no JSON"), Reply(body=chat("", "abort"))]
)
async def test_five_calls_mean_five_when_nothing_is_answered(ledger, problems, reply):
    for allowed in (5, 0):  # what was tried stays counted when the night goes on
        async with night(ledger, reply, calls=5) as (endpoint, asker):
            outcomes = await asyncio.gather(*(ask(asker, problems[0], n) for n in range(8)), return_exceptions=True)
            assert len(endpoint.seen) == allowed
            assert any(isinstance(outcome, BudgetError) for outcome in outcomes)
    assert ledger.spent(NIGHT).calls == 5


async def test_five_calls_mean_five_when_every_question_is_refused(ledger, problems):
    no = Reply(400, {"error": {"message": "no", "code": 400}})
    for allowed in (5, 0):
        async with night(ledger, no, calls=5) as (endpoint, asker):
            outcomes = [await asyncio.gather(ask(asker, problems[0], n), return_exceptions=True) for n in range(20)]
            assert len([body for body in endpoint.seen if body.get("max_tokens") != 1]) == allowed
            assert sum(isinstance(outcome, BudgetError) for (outcome,) in outcomes) == 20 - allowed
    spent = ledger.spent(NIGHT)
    assert (spent.calls, spent.prompt_tokens, spent.completion_tokens, spent.cost) == (5, 0, 0, 0.0)


async def test_what_a_server_refused_is_asked_again_when_the_night_goes_on(ledger, problems):
    """Whoever pays the bill, or gives the server a longer context, resumes the night."""
    for reply in (Reply(400, {"error": {"message": "maximum context length is 5"}}), Reply()):
        async with night(ledger, reply) as (endpoint, asker):
            outcome = (await asyncio.gather(ask(asker, problems[0]), return_exceptions=True))[0]
            assert isinstance(outcome, RequestRefused) is (reply.status == 400)
            assert len(endpoint.seen) == 1
    assert ledger.spent(NIGHT).calls == 2 and len(ledger.unpublished()) == 1


async def test_what_was_given_up_while_it_was_open_is_counted(ledger, problems):
    async with night(ledger, Reply(wait_s=30.0), calls=5) as (endpoint, asker):
        open_ = [asyncio.ensure_future(ask(asker, problems[0], n)) for n in range(3)]
        while len(endpoint.seen) < 3:
            await asyncio.sleep(0.01)
        for question in open_:
            question.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
    assert ledger.spent(NIGHT).calls == 3
    async with night(ledger, Reply(), calls=5) as (endpoint, asker):
        outcomes = [await asyncio.gather(ask(asker, problems[0], n), return_exceptions=True) for n in range(3)]
        assert len(endpoint.seen) == 2 and isinstance(outcomes[-1][0], BudgetError)


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        ({"prompt_tokens": 40, "completion_tokens": 6}, True),
        ({"prompt_tokens": 20_000, "completion_tokens": 6}, True),  # a server has instructions of its own
        ({"prompt_tokens": 10**8, "completion_tokens": 6}, False),
        ({"prompt_tokens": 40, "completion_tokens": 99_999_999}, False),
        ({"prompt_tokens": 40, "completion_tokens": 51}, True),
    ],
)
async def test_a_count_that_this_answer_cannot_have_is_unknown_and_said(ledger, problems, usage, kept):
    text = "four and some more words " * 3
    async with night(ledger, Reply(body=chat(text, usage=usage))) as (_, asker):
        await ask(asker, problems[0])
    (call,) = ledger.unpublished()
    told = (call.prompt_tokens, call.completion_tokens) == tuple(usage.values())
    assert (told, call.sampling.get("usage") != "estimated") == (kept, kept)
    assert call.prompt_tokens <= 20_000 + 32_768 and call.completion_tokens <= len(text)
    assert kept or call.completion_tokens == min(usage["completion_tokens"], len(text)), "no less than there can be"


async def test_a_long_answer_is_not_one_token(ledger, problems):
    usage = {"prompt_tokens": 40, "completion_tokens": 1}
    async with night(ledger, Reply(body=chat("word " * 20_000, usage=usage))) as (_, asker):
        await ask(asker, problems[0])
    (call,) = ledger.unpublished()
    assert call.completion_tokens > 20_000 and call.sampling["usage"] == "estimated"


async def test_an_answer_cut_at_the_context_is_refused_though_nobody_counted(ledger, problems):
    async with night(ledger, Reply(body=chat("half of", "length", usage=None))) as (_, asker):
        with pytest.raises(RequestRefused, match="at most 7 of 50") as refused:
            await ask(asker, problems[0])
    assert refused.value.reason == "context_full"


async def test_a_server_that_turns_us_away_takes_nothing_from_the_budget(ledger, problems):
    busy = Reply(429, {"error": "later"})
    async with night(ledger, busy, busy, Reply(), calls=1) as (endpoint, asker):
        assert (await ask(asker, problems[0])).text == "hello"
        assert len(endpoint.seen) == 3


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": 0, "prompt_tokens": 40}, {"completion_tokens": -1}])
async def test_what_nobody_counted_is_counted_here(ledger, problems, usage):
    async with night(ledger, Reply(body=chat("答" * 600, usage=usage)), tokens=1000) as (endpoint, asker):
        outcomes = [await asyncio.gather(ask(asker, problems[0], n), return_exceptions=True) for n in range(6)]
        assert 1 <= len(endpoint.seen) <= 2
        assert isinstance(outcomes[-1][0], BudgetError)
    assert ledger.spent(NIGHT).completion_tokens >= 600


async def test_an_answer_too_large_to_read_is_paid_at_what_was_allowed(ledger, problems):
    async with night(ledger, Reply(body=b" " * ((16 << 20) + 1))) as (_, asker):
        with pytest.raises(RequestRefused):
            await ask(asker, problems[0])
    assert ledger.spent(NIGHT).completion_tokens == 50


async def test_after_the_deadline_a_refused_answer_still_says_its_reason(ledger, problems):
    from datetime import UTC, datetime, timedelta

    over = datetime.now(UTC) - timedelta(seconds=1)
    async with night(ledger, Reply(body=REFUSED["content_filter"])) as (_, asker):
        with pytest.raises(RequestRefused):
            await ask(asker, problems[0])
    async with night(ledger, Reply(), deadline=over) as (_, asker):
        with pytest.raises(RequestRefused, match="filter"):
            await ask(asker, problems[0])

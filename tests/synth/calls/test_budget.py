from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from storage.errors import BudgetError
from storage.ledger.ledger import Spent
from synth.calls.ask import Asker
from synth.calls.budget import Budget, Meter, Price
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, Request, Sampling
from tests.synth.conftest import Scripted


def request(problems, max_tokens: int = 100) -> Request:
    return Request(
        ({"role": "user", "content": "one two three"},), Sampling(max_tokens=max_tokens), 0, "solve", problems[0]
    )


def test_cached_tokens_have_their_own_price():
    assert Price(2, 4).of(1_000_000, 500_000, 250_000) == 4.0
    assert Price(2, 4, 1).of(1_000_000, 500_000, 250_000) == 1.5 + 0.25 + 2.0
    assert Price(2, 4, 0).of(100, 0, 1_000_000) == 0.0, "no more can be cached than was read"


def test_what_is_set_aside_gives_way_to_what_was_used(problems):
    meter = Meter(Budget(tokens=300), {}, Spent(prompt_tokens=100))
    first = meter.reserve("student", request(problems))
    with pytest.raises(BudgetError, match=r"budget.tokens of 300"):
        meter.reserve("student", request(problems))
    meter.settle(first, Answer("x", "stop", 3, 2))
    second = meter.reserve("student", request(problems))
    meter.settle(second, None)
    meter.reserve("student", request(problems))


def test_a_failed_call_counts_for_nothing(problems):
    meter = Meter(Budget(calls=1), {}, Spent())
    meter.settle(meter.reserve("student", request(problems)), None)
    assert meter.settle(meter.reserve("student", request(problems)), Answer("x", "stop", 1, 1)) == 0.0
    with pytest.raises(BudgetError, match=r"budget.calls of 1"):
        meter.reserve("student", request(problems))


def test_each_role_has_its_price(problems):
    meter = Meter(Budget(cost=1), {"student": Price(0, 1), "teacher": Price(0, 1e6)}, Spent(cost=0.5))
    assert meter.settle(meter.reserve("student", request(problems)), Answer("x", "stop", 0, 100)) == pytest.approx(1e-4)
    with pytest.raises(BudgetError, match=r"budget.cost of 1 has no room"):
        meter.reserve("teacher", request(problems, max_tokens=1))
    meter.reserve("judge", request(problems))


def test_the_deadline_is_a_time_in_any_zone(problems):
    soon = datetime.now(UTC) + timedelta(seconds=50)
    meter = Meter(Budget(deadline=soon.astimezone()), {}, Spent())
    assert 40 < meter.seconds_left() <= 50
    meter.reserve("student", request(problems))
    over = Meter(Budget(deadline=datetime.now(UTC) - timedelta(seconds=1)), {}, Spent())
    assert over.seconds_left() == 0
    with pytest.raises(BudgetError, match="finish_by"):
        over.reserve("student", request(problems))
    assert Meter(Budget(), {}, Spent()).seconds_left() is None


async def test_an_answer_without_usage_counts_by_our_own_count_now_and_after_a_restart(ledger, problems):
    class Uncounted(Scripted):
        async def answer(self, request):
            return replace(await super().answer(request), prompt_tokens=0, completion_tokens=0, counted=False)

    engine = Uncounted(lambda request: "one two three four five")

    def asker(tokens):
        return Asker(ledger, {"student": engine}, Prompts(), night="2026-01-01/test", budget=Budget(tokens=tokens))

    reply = await Models(asker(None), problems[0], 0).student("solve", max_tokens=8)
    assert reply.completion_tokens == 8 and reply.prompt_tokens > 20
    assert ledger.spent("2026-01-01/test").completion_tokens == 8
    with pytest.raises(BudgetError, match=r"budget\.tokens"):
        await Models(asker(reply.prompt_tokens + 10), problems[1], 0).student("solve", max_tokens=8)

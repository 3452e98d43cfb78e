import asyncio
from dataclasses import replace

import pytest

from storage.errors import BudgetError
from synth.ask import Budget, Models, Price, call_key, clean
from synth.engines.base import Sampling
from synth.engines.solver import Solver
from tests.synth.conftest import Scripted

MESSAGES = ({"role": "user", "content": "How many?"},)


async def test_a_finished_call_is_never_made_again(make_asker, problems):
    engine = Scripted(lambda request: "#### 7")
    first = await Models(make_asker(engine), problems[0], 0).student("solve", temperature=1.0)
    again = await Models(make_asker(engine), problems[0], 0).student("solve", temperature=1.0)
    assert first == again and len(engine.requests) == 1


async def test_the_same_question_asked_at_once_is_one_call(make_asker, problems):
    engine = Scripted(lambda request: "x")
    asker = make_asker(engine)
    replies = await asyncio.gather(*(Models(asker, problems[0], 0).student("solve") for _ in range(20)))
    assert len(engine.requests) == 1 and len({reply.call_id for reply in replies}) == 1


async def test_the_answer_is_durable_before_it_is_used(make_asker, problems, ledger):
    reply = await Models(make_asker(Scripted(lambda request: "x")), problems[0], 0).student("solve")
    found = ledger.find(reply.call_id)
    assert found is not None and found.response == "x" and found.night == "2026-01-01/test"


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"model": "another model"}, True),
        ({"messages": ({"role": "user", "content": "How much?"},)}, True),
        ({"messages": ({"role": "system", "content": "How many?"},)}, True),
        ({"sampling": Sampling(temperature=0.5)}, True),
        ({"sampling": Sampling(max_tokens=7)}, True),
        ({"sampling": Sampling(top_p=0.9)}, True),
        ({"sampling": Sampling(stop=("x",))}, True),
        ({"sample": "0.1"}, True),
        ({"sample": "1.0"}, True),
        ({"draw": "2026-01-02/test"}, True),
        ({"act": "another template name"}, False),
        ({"inputs": {"attempt": "not rendered"}}, False),
        ({"problem": "another"}, False),
        ({"concurrency": 1}, False),
    ],
)
def test_what_enters_the_key_and_what_does_not(problems, change, differs):
    def key(
        model="m",
        concurrency=8,
        problem=None,
        messages=MESSAGES,
        sampling=None,
        sample="0.0",
        act="solve",
        inputs=None,
        draw=None,
    ):
        engine = Scripted(lambda request: "", model)
        engine.concurrency = concurrency
        asked = problems[1] if problem else problems[0]
        return call_key(
            engine, messages, sampling or Sampling(), sample, act=act, problem=asked, inputs=inputs or {}, draw=draw
        )

    assert (key() != key(**change)) is differs


def test_an_engine_that_reads_the_problem_has_it_in_its_key(problems):
    def key(problem, act="correct", inputs=None):
        return call_key(
            Solver(),
            MESSAGES,
            Sampling(),
            "0.0",
            act=act,
            problem=problem,
            inputs=inputs or {"attempt": "a"},
            draw=None,
        )

    assert (
        len({key(problems[0]), key(problems[1]), key(problems[0], "solve"), key(problems[0], inputs={"attempt": "b"})})
        == 4
    )


async def test_the_seed_follows_the_key(make_asker, problems):
    engine = Scripted(lambda request: "x")
    models = Models(make_asker(engine), problems[0], 0)
    for sample in range(3):
        await models.student("solve", temperature=1.0, sample=sample)
    assert len({request.seed for request in engine.requests}) == 3


async def test_a_budget_of_calls_is_a_hard_stop_even_for_calls_in_flight(make_asker, problems, ledger):
    engine = Scripted(lambda request: "x")
    asker = make_asker(engine, budget=Budget(calls=3))
    models = Models(asker, problems[0], 0)
    results = await asyncio.gather(*(models.student("solve", sample=n) for n in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BudgetError)]
    assert len(engine.requests) == 3 and len(refused) == 7
    assert "budget.calls of 3" in str(refused[0])


async def test_a_budget_counts_what_the_night_spent_before(make_asker, problems):
    engine = Scripted(lambda request: "x")
    await Models(make_asker(engine), problems[0], 0).student("solve")
    with pytest.raises(BudgetError):
        await Models(make_asker(engine, budget=Budget(calls=1)), problems[1], 0).student("solve")
    await Models(make_asker(engine, budget=Budget(calls=1)), problems[0], 0).student("solve")  # found, so free


async def test_tokens_and_cost_are_bounded_by_what_a_call_can_use(make_asker, problems):
    models = Models(make_asker(Scripted(lambda request: "x"), budget=Budget(tokens=100)), problems[0], 0)
    with pytest.raises(BudgetError, match="tokens"):
        await models.student("solve", max_tokens=1000)
    dear = Models(
        make_asker(Scripted(lambda request: "x"), budget=Budget(cost=0.001), prices={"student": Price(0, 100)}),
        problems[0],
        0,
    )
    with pytest.raises(BudgetError, match="cost"):
        await dear.student("solve", max_tokens=1000)
    assert (await dear.student("solve", max_tokens=5)).text == "x"


async def test_what_no_file_can_hold_is_replaced(make_asker, problems, ledger):
    reply = await Models(make_asker(Scripted(lambda request: "a\ud800b\0")), problems[0], 0).student("solve")
    assert reply.text == "a\ufffdb\ufffd" == clean("a\ud800b\0")


def test_a_role_that_the_recipe_lacks_is_named(make_asker, problems):
    with pytest.raises(AttributeError, match="'judge'"):
        _ = Models(make_asker(), problems[0], 0).judge


def test_requests_are_values(problems):
    sampling = Sampling()
    assert replace(sampling, temperature=1.0) != sampling and hash(sampling) == hash(Sampling())

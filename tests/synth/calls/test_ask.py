import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from storage.errors import BudgetError, LakeError
from storage.ids import seed_from
from storage.ledger.writer import Writer
from synth.calls.ask import Asker, Budget, Price, clean
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, RequestRefused
from tests.synth.conftest import Scripted


async def test_a_finished_call_is_never_made_again(make_asker, problems):
    engine = Scripted(lambda request: "#### 7")
    first = await Models(make_asker(engine), problems[0], 0).student("solve", temperature=1.0)
    again = await Models(make_asker(engine), problems[0], 0).student("solve", temperature=1.0)
    assert first == again and len(engine.requests) == 1


async def test_a_call_that_was_taken_down_is_not_asked_again(make_asker, problems, ledger):
    engine = Scripted(lambda request: "#### 7")
    reply = await Models(make_asker(engine), problems[0], 0).student("solve")
    assert ledger.take_down([reply.call_id]) == 1
    for _ in range(2):
        with pytest.raises(RequestRefused, match="was taken down") as refused:
            await Models(make_asker(engine), problems[0], 0).student("solve")
    assert refused.value.reason == "taken_down" and len(engine.requests) == 1
    assert reply.text.encode() not in ledger.path.read_bytes()


async def test_the_same_question_asked_at_once_is_one_call(make_asker, problems):
    engine = Scripted(lambda request: "x")
    asker = make_asker(engine)
    replies = await asyncio.gather(*(Models(asker, problems[0], 0).student("solve") for _ in range(20)))
    assert len(engine.requests) == 1 and len({reply.call_id for reply in replies}) == 1


async def test_the_answer_is_durable_before_it_is_used(make_asker, problems, ledger):
    reply = await Models(make_asker(Scripted(lambda request: "x")), problems[0], 0).student("solve")
    recorded = ledger.find(reply.call_id)
    assert recorded is not None and recorded.response == "x" and recorded.night == "2026-01-01/test"


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


async def test_answers_are_found_across_nights_recipes_and_shards(ledger, problems):
    engine = Scripted(lambda request: "x")
    for night in ("2026-01-01/first", "2026-01-02/first", "2026-01-02/second"):
        asker = Asker(ledger, {"student": engine}, Prompts(), night=night)
        await Models(asker, problems[0], 0, "any method").student("solve")
    assert len(engine.requests) == 1
    afresh = Asker(ledger, {"student": engine}, Prompts(), night="n", draw="2026-01-03/first")
    await Models(afresh, problems[0], 0).student("solve")
    assert len(engine.requests) == 2


@pytest.mark.parametrize("change", ["night", "prices", "budget", "method", "role"])
async def test_on_whose_account_a_call_is_made_enters_no_key(ledger, problems, change):
    engine = Scripted(lambda request: "x")
    engines = {"student": engine, "teacher": engine}
    settings = {"night": "n", "prices": {}, "budget": Budget()}
    others = {"night": "another", "prices": {"student": Price(1, 2)}, "budget": Budget(calls=100)}
    first = Models(Asker(ledger, engines, Prompts(), **settings), problems[0], 0, "cot")
    changed = settings | {name: other for name, other in others.items() if name == change}
    second = Models(
        Asker(ledger, engines, Prompts(), **changed), problems[0], 0, "gold" if change == "method" else "cot"
    )
    await first.student("solve")
    await getattr(second, "teacher" if change == "role" else "student")("solve")
    assert len(engine.requests) == 1


async def test_another_role_asks_no_other_question(ledger, problems):
    engine = Scripted(lambda request: "x")
    asker = Asker(ledger, {"student": engine, "teacher": engine}, Prompts(), night="n")
    models = Models(asker, problems[0], 0)
    assert (await models.student("solve")).call_id == (await models.teacher("solve")).call_id


async def test_one_and_one_point_nought_are_the_same_temperature(make_asker, problems):
    models = Models(make_asker(Scripted(lambda request: "x")), problems[0], 0)
    assert (await models.student("solve", temperature=1)).call_id == (
        await models.student("solve", temperature=1.0)
    ).call_id


async def test_a_call_is_put_on_the_account_of_the_method_that_made_it(make_asker, problems, ledger):
    async def answer(request):
        return Answer("x", "stop", 10, 5, "I think", 4, 0.5)

    engine = Scripted(lambda request: "x")
    engine.answer = answer  # type: ignore[method-assign]
    asker = make_asker(engine, prices={"student": Price(1_000_000, 2_000_000, 500_000)})
    first = await Models(asker, problems[0], 0, "cot").student("solve")
    await Models(asker, problems[0], 0, "tutorship").student("solve")
    call = ledger.find(first.call_id)
    assert (call.method, call.reasoning, call.cached_tokens, call.seconds, call.cost) == (
        "cot",
        "I think",
        4,
        0.5,
        6 + 2 + 10,
    )
    assert first.reasoning == "I think" and "I think" not in first.text


async def test_a_resumed_night_has_spent_what_it_had_spent(make_asker, problems, ledger):
    """The student is dear and the teacher is not: an estimate by tokens would stop this night."""
    prices = {"student": Price(0, 1_000_000), "teacher": Price()}
    await Models(make_asker(Scripted(lambda request: "x"), prices=prices), problems[0], 0).student(
        "solve", max_tokens=5
    )
    assert ledger.spent("2026-01-01/test").cost == 5
    again = make_asker(Scripted(lambda request: "x"), prices=prices, budget=Budget(cost=10))
    await Models(again, problems[1], 0).student("solve", max_tokens=5)
    with pytest.raises(BudgetError, match=r"budget.cost of 10 has no room .*10 used"):
        await Models(again, problems[2], 0).student("solve", max_tokens=5)


async def test_nothing_is_begun_after_the_deadline_but_what_is_known_is_found(make_asker, problems):
    engine = Scripted(lambda request: "x")
    await Models(make_asker(engine), problems[0], 0).student("solve")
    late = make_asker(engine, budget=Budget(deadline=datetime.now(UTC) - timedelta(seconds=1)))
    assert (await Models(late, problems[0], 0).student("solve")).text == "x"
    with pytest.raises(BudgetError, match=r"budget.finish_by: .* UTC has passed"):
        await Models(late, problems[1], 0).student("solve")
    assert len(engine.requests) == 1


async def test_calls_in_flight_at_the_deadline_are_given_up_after_a_while(make_asker, problems, monkeypatch, ledger):
    async def hang(request):
        await asyncio.sleep(60)

    engine = Scripted(lambda request: "x")
    engine.concurrency, engine.answer = 1, hang  # type: ignore[method-assign]
    monkeypatch.setattr("synth.calls.durable.GRACE_S", 0.2)
    asker = make_asker(engine, budget=Budget(deadline=datetime.now(UTC) + timedelta(seconds=0.2)))
    models = Models(asker, problems[0], 0)
    results = await asyncio.gather(*(models.student("solve", sample=n) for n in range(5)), return_exceptions=True)
    assert all(isinstance(result, BudgetError) for result in results)
    assert ledger.count() == 0


async def test_an_answer_that_cannot_be_recorded_is_not_used(make_asker, problems, ledger, monkeypatch):
    def full(self, durable, orders):
        raise sqlite3.OperationalError("database or disk is full")

    engine = Scripted(lambda request: "x")
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_insert", full)
        with pytest.raises(LakeError, match="disk is full"):
            await Models(make_asker(engine), problems[0], 0).student("solve")
    assert ledger.count() == 0
    assert (await Models(make_asker(engine), problems[0], 0).student("solve")).text == "x"
    assert len(engine.requests) == 2


async def test_an_engine_that_wants_more_gets_more(make_asker, problems):
    open_now, most = 0, 0

    class Growing(Scripted):
        async def answer(self, request):
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0.02)
            open_now -= 1
            self.concurrency = 6
            return await super().answer(request)

    engine = Growing(lambda request: "x")
    engine.concurrency = 2
    models = Models(make_asker(engine), problems[0], 0)
    first = asyncio.gather(*(models.student("solve", sample=n) for n in range(2)))
    await first
    assert most == 2
    await asyncio.gather(*(models.student("solve", sample=n) for n in range(2, 40)))
    assert most == 6


async def test_slots_survive_cancellation(make_asker, problems):
    async def slow(request):
        await asyncio.sleep(0.02)
        return Answer("x", "stop")

    engine = Scripted(lambda request: "x")
    engine.concurrency, engine.answer = 2, slow  # type: ignore[method-assign]
    models = Models(make_asker(engine), problems[0], 0)
    tasks = [asyncio.create_task(models.student("solve", sample=n)) for n in range(30)]
    await asyncio.sleep(0.05)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    replies = await asyncio.wait_for(asyncio.gather(*(models.student("solve", sample=n) for n in range(30))), 60)
    assert len(replies) == 30


async def test_who_waits_for_an_answer_gets_it_though_the_one_who_asked_was_cancelled(make_asker, problems):
    """Two methods ask the same; a failed sibling cancels one of them, which is none of the other's business."""
    begun = asyncio.Event()

    async def slow(request):
        begun.set()
        await asyncio.sleep(0.02)
        return Answer("x", "stop")

    engine = Scripted(lambda request: "x")
    engine.answer = slow  # type: ignore[method-assign]
    asker = make_asker(engine)
    first, *others = (asyncio.create_task(Models(asker, problems[0], 0).student("solve")) for _ in range(3))
    await begun.wait()
    first.cancel()
    assert [reply.text for reply in await asyncio.gather(*others)] == ["x", "x"] and first.cancelled()
    assert asker.made == 1


async def test_replies_stand_in_the_order_of_asking(make_asker, problems):
    """Contract: a replay has the same parents, whichever answer comes first."""

    class Uneven(Scripted):
        async def answer(self, request):
            self.pause = max(0.0, self.pause - 0.02)
            await asyncio.sleep(self.pause)
            return await super().answer(request)

    engine = Uneven(lambda request: "x")
    engine.pause = 0.08
    models = Models(make_asker(engine), problems[0], 0)
    asked = await asyncio.gather(*(models.student("solve", sample=n) for n in range(4)))
    assert models.replies == list(asked)
    assert [request.seed for request in engine.requests] != [seed_from(reply.call_id) for reply in asked]


@pytest.mark.slow
def test_two_processes_that_ask_the_same_make_one_call(workspace, tmp_path):
    log = tmp_path / "made"
    command = [sys.executable, "-m", "tests.synth.calls.asking", str(workspace.ledger), str(log), "60"]
    processes = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "abc"]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(log.read_text().split()) == sorted(map(str, range(60)))
    assert len(set(outputs)) == 1, "all use the same answers"


@pytest.mark.slow
def test_a_process_killed_in_the_middle_repeats_only_what_had_not_arrived(workspace, tmp_path):
    log = tmp_path / "made"
    command = [sys.executable, "-m", "tests.synth.calls.asking", str(workspace.ledger), str(log), "400"]
    kills = []
    for kill_after in (40, 150):
        process = subprocess.Popen([*command, "a"], stdout=subprocess.DEVNULL)
        while not log.exists() or len(log.read_text().split()) < kill_after:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with sqlite3.connect(workspace.ledger) as reader:
            recorded = {sample.rpartition(".")[2] for (sample,) in reader.execute("select sample from calls")}
        kills.append((len(log.read_text().split()), recorded))
    subprocess.run([*command, "b"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    asked = log.read_text().split()
    assert set(asked) == set(map(str, range(400)))
    for so_far, recorded in kills:
        assert recorded and not recorded & set(asked[so_far:]), "what is recorded is never asked again"

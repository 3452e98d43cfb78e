import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from storage.errors import ModelServerError
from synth.calls.ask import Asker, Budget
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, RequestRefused
from synth.engines.solver import Solver
from synth.methods import get_method
from synth.methods.base import Params, method
from synth.night.runner import POOL, Attempt, attempt_id, pool_size, run_attempts
from synth.notes import PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.sample import Sample, sample_id
from tests.synth.conftest import Scripted

NIGHT = "2026-01-01/test"


def attempts(chosen, problems, params=None):
    params = params or chosen.params()
    return [
        Attempt(attempt_id(NIGHT, chosen.name, params, problem, 0), NIGHT, chosen, params, problem, 0, 0)
        for problem in problems
    ]


async def test_every_attempt_is_accounted_for(make_asker, problems):
    @method("odd", paper="none", makes=("sft",), roles=("student",))
    async def odd(problem, models, params) -> AsyncIterator[Sample]:
        index = problems.index(problem)
        if index == 0:
            raise ValueError("a fault in the method")
        if index == 1:
            raise RequestRefused("prompt_too_long", "300 tokens, the limit is 200")
        yield Sample(messages=[{"role": "user", "content": "q"}], response="a")
        if index == 2:
            raise RequestRefused("late", "after a first sample")

    finished = await run_attempts(attempts(odd, problems), make_asker())
    rows = finished.attempts.to_pylist()
    assert [row["status"] for row in rows] == ["failed", "failed", "failed", "done", "done"]
    assert [row["reason"] for row in rows] == ["method_error", "prompt_too_long", "late", None, None]
    assert "a fault in the method" in rows[0]["detail"]
    assert sum(row["samples"] for row in rows) == finished.samples.num_rows == 2


async def test_a_budget_fails_attempts_and_keeps_the_rest(make_asker, problems):
    asker = make_asker(Scripted(lambda request: "1 + 1 = 2\n#### 2"), budget=Budget(calls=5))
    finished = await run_attempts(attempts(get_method("tutorship"), problems), asker)
    reasons = [row["reason"] for row in finished.attempts.to_pylist()]
    assert finished.budget is not None and "budget.calls of 5" in finished.budget
    assert reasons.count("budget") >= 3 and len(reasons) == len(problems)


async def test_a_server_that_is_gone_stops_the_run(make_asker, problems):
    def gone(request):
        raise ModelServerError("http://127.0.0.1:1 cannot be reached")

    with pytest.raises(ModelServerError, match="cannot be reached"):
        await run_attempts(attempts(get_method("tutorship"), problems), make_asker(Scripted(gone)))


async def test_samples_know_their_calls_models_and_prompts(make_asker, problems, ledger):
    student = Scripted(lambda request: "1 + 1 = 2\n#### 2", "student-weights")
    finished = await run_attempts(attempts(get_method("tutorship"), problems[:1]), make_asker(student))
    row = finished.samples.to_pylist()[0]
    assert [ledger.find(key).role for key in row["parents"]] == ["student", "teacher"]
    assert row["models"] == ["solver@2", "student-weights"]
    assert row["origin"] == "rule"
    assert {name.split("@")[0] for name in row["prompts"]} == {
        "solve",
        "tutorship/correct",
        "tutorship/lesson_question",
        "tutorship/lesson_answer",
    }
    assert row["sample_id"] == sample_id(row["attempt_id"], 0)


async def test_a_method_replays_to_the_same_calls(make_asker, problems):
    """Contract: a method uses no clock and no randomness but its seeds, so a second run asks nothing new."""
    student = Scripted(lambda request: f"1 + {request.seed % 9} = 2\n#### 2")
    for name in ("cot", "tutorship", "critique", "gold"):
        chosen = get_method(name)
        first = await run_attempts(attempts(chosen, problems), make_asker(student))
        asked = len(student.requests)
        asker = make_asker(student)
        second = await run_attempts(attempts(chosen, problems), asker)
        assert len(student.requests) == asked and asker.made == 0
        assert first.samples.equals(second.samples), name


def cut_at(*samples):
    """A student whose answers are cut at their token limit where the number at the call site is one of these."""

    async def answer(request):
        return Answer("1 + 1 = 2\n#### 2", "length" if request.inputs.get("number") in samples else "stop", 1, 1)

    engine = Scripted(lambda request: "")
    engine.answer = answer  # type: ignore[method-assign]
    return engine


@pytest.mark.parametrize(
    ("cut", "answer", "complete"),
    [
        ((), None, True),
        ((0,), None, False),  # the method says nothing: every parent counts
        ((1,), None, False),
        ((0,), True, True),  # the method answers for what is not the last parent
        ((1,), True, False),  # nobody can answer for the last parent
        ((), False, False),
    ],
)
async def test_what_was_cut_off_is_never_complete(make_asker, problems, cut, answer, complete):
    @method("two_turns", paper="none", makes=("sft",), roles=("student",))
    async def two_turns(problem, models, params) -> AsyncIterator[Sample]:
        for number in range(2):
            reply = await models.student("solve", sample=number, number=number)
        yield Sample(messages=[{"role": "user", "content": "q"}], response=reply.text, notes=SftNotes(complete=answer))

    finished = await run_attempts(attempts(two_turns, problems[:1]), make_asker(cut_at(*cut)))
    assert json.loads(finished.samples.to_pylist()[0]["notes"])["complete"] is complete


async def test_notes_of_another_kind_fail_the_attempt(make_asker, problems):
    @method("mixed", paper="none", makes=("sft",))
    async def mixed(problem, models, params) -> AsyncIterator[Sample]:
        yield Sample(response="x", notes=PreferenceNotes())

    (row,) = (await run_attempts(attempts(mixed, problems[:1]), make_asker())).attempts.to_pylist()
    assert row["reason"] == "method_error" and "must be SftNotes, not PreferenceNotes" in row["detail"]


@pytest.mark.parametrize("name", ["cot", "critique", "knights_knaves", "tutorship"])
async def test_a_teacher_that_was_cut_off_teaches_nothing(make_asker, problems, ledger, name):
    class Cut(Solver):
        async def answer(self, request):
            return replace(await super().answer(request), finish_reason="length")

    student = Scripted(lambda request: get_task("arithmetic").solve(request.problem))
    asker = Asker(ledger, {"student": student, "teacher": Cut()}, Prompts(), night=NIGHT)
    finished = await run_attempts(attempts(get_method(name), problems), asker)
    assert finished.samples.num_rows == len(problems)
    assert not any(json.loads(row["notes"])["complete"] for row in finished.samples.to_pylist())


async def test_an_attempt_that_was_cut_off_may_be_corrected(make_asker, problems):
    async def cut(request):
        return Answer("1 + 1 = 2\n#### 2\n1 + ", "length", 1, 1)

    student = Scripted(lambda request: "")
    student.answer = cut  # type: ignore[method-assign]
    finished = await run_attempts(attempts(get_method("tutorship"), problems), make_asker(student))
    assert all(json.loads(row["notes"])["complete"] for row in finished.samples.to_pylist())


async def test_attempts_after_the_deadline_fail_with_the_reason_budget(make_asker, problems):
    asker = make_asker(Scripted(lambda request: "x"), budget=Budget(deadline=datetime.now(UTC)))
    finished = await run_attempts(attempts(get_method("tutorship"), problems), asker)
    assert [row["reason"] for row in finished.attempts.to_pylist()] == ["budget"] * len(problems)
    assert finished.budget is not None and "finish_by" in finished.budget


async def test_attempts_are_taken_one_by_one_and_stay_in_order(make_asker, problems):
    """Memory: as many attempts are under way as the pool holds, however many there are."""

    @method("idle", paper="none", makes=("sft",))
    async def idle(problem, models, params) -> AsyncIterator[Sample]:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        await asyncio.sleep(0)
        yield Sample(messages=[{"role": "user", "content": "q"}], response="a")

    def endless():
        for number in range(3_000):
            yield Attempt(str(number), NIGHT, idle, Params(), problems[0], number, 0)

    most, done = 0, []
    finished = await run_attempts(endless(), make_asker(), on_done=done.append)
    assert most <= pool_size(make_asker()) + 2 and sum(done) == 3_000
    assert finished.attempts["attempt_id"].to_pylist() == [str(number) for number in range(3_000)]


async def test_the_pool_keeps_a_wide_engine_full(make_asker):
    wide = Scripted(lambda request: "x")
    wide.concurrency = 2000
    assert pool_size(make_asker(wide)) == 4000 and pool_size(make_asker()) == POOL


def test_an_attempt_is_named_by_what_it_is(problems):
    class Knobs(Params):
        heat: float = 1.0

    ids = {
        attempt_id("n", "m", Knobs(), problems[0], 0),
        attempt_id("o", "m", Knobs(), problems[0], 0),
        attempt_id("n", "k", Knobs(), problems[0], 0),
        attempt_id("n", "m", Knobs(heat=0.5), problems[0], 0),
        attempt_id("n", "m", Knobs(), problems[1], 0),
        attempt_id("n", "m", Knobs(), problems[0], 1),
    }
    assert len(ids) == 6

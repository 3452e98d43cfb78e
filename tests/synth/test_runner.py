from collections.abc import AsyncIterator

import pytest

from storage.errors import ModelServerError
from synth.ask import Budget
from synth.engines.base import RequestRefused
from synth.methods import get_method
from synth.methods.base import Params, method
from synth.runner import Attempt, attempt_id, run_attempts
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
        place = problems.index(problem)
        if place == 0:
            raise ValueError("a fault in the method")
        if place == 1:
            raise RequestRefused("prompt_too_long", "300 tokens, the limit is 200")
        yield Sample(messages=[{"role": "user", "content": "q"}], response="a")
        if place == 2:
            raise RequestRefused("late", "after a first sample")

    finished = await run_attempts(attempts(odd, problems), make_asker())
    rows = finished.attempts.to_pylist()
    assert [row["status"] for row in rows] == ["failed", "failed", "failed", "done", "done"]
    assert [row["reason"] for row in rows] == ["method_error", "prompt_too_long", "late", None, None]
    assert "a fault in the method" in rows[0]["detail"]
    assert sum(row["samples"] for row in rows) == finished.samples.num_rows == 2


async def test_a_budget_fails_attempts_and_keeps_the_rest(make_asker, problems):
    asker = make_asker(Scripted(lambda request: "x"), budget=Budget(calls=5))
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
    assert row["models"] == ["solver@1", "student-weights"]
    assert row["origin"] == "rule"
    assert {name.split("@")[0] for name in row["prompts"]} == {"solve", "correct", "tutor", "lesson"}
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

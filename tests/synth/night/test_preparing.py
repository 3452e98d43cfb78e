import json
import pickle
from dataclasses import replace

import pytest

from synth.calls.ask import Budget
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method
from synth.night.draw import Assignment
from synth.night.preparing import Made, NotPrepared, make_artefact, read_artefact
from synth.night.runner import run_attempts
from synth.sample import Sample
from tests.extension.example_methods.example_few_shot import example_few_shot
from tests.synth.conftest import Scripted
from tests.synth.methods import test_every_method as every

NIGHT = "2026-01-01/test"


class Seen(Artefact):
    ids: tuple[str, ...]


def sees(prepare, makes=Seen):
    @method("sees", paper="none", makes=("sft",), roles=("student",), prepare=Preparation(prepare, makes))
    async def sees(problem, models, params, seen):
        yield Sample(messages=[{"role": "user", "content": "q"}], response=",".join(seen.ids), parents=[])

    return sees


async def listing(problems, models, params):
    """All ids."""
    return Seen(ids=tuple(problem.id for problem in problems))


async def run(chosen, problems, asker):
    artefact = await make_artefact(chosen, chosen.params(), problems, asker)
    prepared = artefact.prepared if isinstance(artefact, Made) else artefact
    assignment = Assignment(chosen, chosen.params(), None, None, 1, prepared=prepared)
    return artefact, await run_attempts([assignment.attempt(NIGHT, problem, 0, 0) for problem in problems], asker)


async def test_every_attempt_is_given_the_same_whatever_the_order_and_names_it(make_asker, problems):
    chosen = sees(listing)
    artefact, finished = await run(chosen, problems, make_asker(Scripted(lambda request: "x")))
    again = await make_artefact(chosen, chosen.params(), problems[::-1] + problems, make_asker())
    assert (
        isinstance(artefact, Made)
        and artefact == again
        and json.loads(artefact.text) == {"ids": sorted(p.id for p in problems)}
    )
    rows = finished.samples.to_pylist()
    assert {row["response"] for row in rows} == {",".join(sorted(problem.id for problem in problems))}
    assert {tuple(row["prompts"]) for row in rows} == {(artefact.prepared.name,)}
    assert read_artefact(chosen, artefact.text) == artefact.prepared == pickle.loads(pickle.dumps(artefact.prepared))


async def test_its_calls_are_durable_and_count(make_asker, problems, ledger):
    engine = Scripted(lambda request: "#### 1")

    async def asks(problems, models, params):
        """Ask about each."""
        replies = [await models.about(problem).student("solve") for problem in problems]
        return Seen(ids=tuple(reply.text for reply in replies))

    first, second = [
        await make_artefact(sees(asks), sees(asks).params(), problems, make_asker(engine)) for _ in range(2)
    ]
    assert first == second and len(engine.requests) == len(problems) == len(first.call_ids)
    assert all(ledger.find(key) for key in first.call_ids) and [p.split("@")[0] for p in first.prompts] == ["solve"]
    assert {request.problem.id for request in engine.requests} == {problem.id for problem in problems}


async def refuses(problems, models, params):
    raise RequestRefused("no_demonstration", "none is right")


async def stumbles(problems, models, params):
    return problems[99]


async def other(problems, models, params):
    return {"ids": []}


async def spends(problems, models, params):
    return await models.student("solve", problem=problems[0])


@pytest.mark.parametrize(
    ("prepare", "reason", "message"),
    [
        (refuses, "no_demonstration", "none is right"),
        (stumbles, "method_error", "prepare: IndexError"),
        (other, "method_error", "returned dict, not Seen"),
        (spends, "budget", "calls"),
    ],
)
async def test_a_method_that_cannot_prepare_fails_its_attempts_and_no_other(
    make_asker, problems, prepare, reason, message
):
    asker = make_asker(Scripted(lambda request: "x"), budget=Budget(calls=0))
    artefact, finished = await run(sees(prepare), problems, asker)
    assert isinstance(artefact, NotPrepared)
    rows = finished.attempts.to_pylist()
    assert {(row["status"], row["reason"]) for row in rows} == {("failed", reason)} and message in rows[0]["detail"]
    assert finished.samples.num_rows == 0


async def test_an_attempt_without_it_says_so(make_asker, problems):
    chosen = sees(listing)
    attempt = Assignment(chosen, chosen.params(), None, None, 1).attempt(NIGHT, problems[0], 0, 0)
    (row,) = (await run_attempts([attempt], make_asker())).attempts.to_pylist()
    assert (row["status"], row["reason"]) == ("failed", "not_prepared")


async def test_a_method_of_another_package_is_held_to_what_ours_are(tmp_path, ledger):
    every.test_a_method_says_what_it_is(example_few_shot)
    await every.test_a_replay_makes_the_same_calls(example_few_shot, tmp_path)
    await every.test_no_more_calls_than_were_planned(replace(example_few_shot), ledger)
    await every.test_rows_are_of_the_kinds_it_says_and_name_their_calls(example_few_shot, ledger)

"""Action tokens: all five types arise, every step has one action, and only what ends right is learned."""

import re

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.methods.action_tokens import TYPES
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("action_tokens")
WHY, INSTEAD, HOLDS = "The sum is off by one.", "Add these numbers again.", "I counted it again, and it holds."
PARAMS = METHOD.params(samples=4, each=2)


def drawn(count=4):
    return list(open_source("arithmetic", {"tiers": [3]}).draw(count, seed=8, tier=3))


def slip(lines, at, gold):
    left, _, value = lines[at].rpartition(" ")
    return "\n".join([*lines[:at], f"{left} {int(value) + 1}", *lines[at + 1 : -1], f"#### {int(gold) + 1}"])


def student(recovers):
    """The first answers are right or slip in step 2 in turn; what it goes on with is right after `recovers` corrections."""
    asked = {}

    def answer(request):
        lines = get_task(request.problem.task).solve(request.problem).splitlines()
        if not request.continues:
            number = asked.setdefault(request.problem.id, 0)
            asked[request.problem.id] += 1
            return slip(lines, 1, request.problem.gold) if number % 2 else "\n".join(lines)
        begun = request.messages[-1]["content"]
        corrections = begun.count(WHY)
        verified = HOLDS in begun
        if corrections >= recovers(verified):
            return "\n".join(lines[1:])
        left, _, value = lines[1].rpartition(" ")
        return "\n".join(
            [f"{left} {int(value) + 2 + corrections}", *lines[2:-1], f"#### {int(request.problem.gold) + 2}"]
        )

    return Scripted(answer)


def teacher(flaw=None):
    def answer(request):
        if request.act == "verify":
            return HOLDS
        steps = request.inputs["steps"]
        wrong = next((n for n, step in enumerate(steps, 1) if re.search(r"= \d+$", step) and not _true(step)), 1)
        return flaw if flaw is not None else f"Wrong step: {wrong}\nWhy: {WHY}\nInstead: {INSTEAD}"

    return Scripted(answer)


def _true(step):
    left, _, right = step.partition(" = ")
    a, sign, b = left.split(" ")
    return {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}.get(sign) == int(right)


async def types_of(ledger, recovers):
    problems = drawn()
    rows, table = await run(ledger, METHOD, problems, PARAMS, student=student(recovers), teacher=teacher())
    context = Context(problems={problem.id: problem for problem in problems})
    verdicts = run_filters([get_filter("answer")], table, context).to_pylist()
    assert {verdict["outcome"] for verdict in verdicts} == {"pass"}, verdicts
    for row in rows:
        lines = row["response"].splitlines()
        assert [re.match(r"<(\w+)> ", line)[1] for line in lines] == row["attrs"]["actions"]
        assert row["attrs"]["actions"].count("explore") == row["attrs"]["rounds"] == row["response"].count(INSTEAD)
    return {row["attrs"]["trajectory"] for row in rows}


async def test_what_recovers_at_once_is_of_the_first_types(ledger):
    assert await types_of(ledger, lambda verified: 0 if verified else 1) == {"I", "II-I", "III-I"}


async def test_what_needs_more_is_of_the_others(ledger):
    assert await types_of(ledger, lambda verified: 1 if verified else 2) == {"I", "II-II", "III-II"}
    assert {"I", "II-I", "III-I"} | {"I", "II-II", "III-II"} == set(TYPES)


async def test_what_never_recovers_is_not_learned(ledger):
    assert await types_of(ledger, lambda verified: 9) == {"I"}


@pytest.mark.parametrize(
    "reply",
    ["", "Wrong step: 9\nWhy: a.\nInstead: b.", "Wrong step: 1\nWhy: It is so.\nInstead: b.", "Wrong step: 2\nWhy: a.",
     "Wrong step: 2\nWhy: The reference solution says otherwise.\nInstead: b."],
    ids=["nothing", "no such step", "a step that is right", "half", "a leak"],
)  # fmt: skip
async def test_a_critic_that_cannot_be_believed_teaches_nothing(ledger, reply):
    engine = student(lambda verified: 0 if verified else 1)
    rows, _ = await run(ledger, METHOD, drawn(2), PARAMS, student=engine, teacher=teacher(reply))
    assert {row["attrs"]["trajectory"] for row in rows} == {"I", "II-I"}


async def test_a_problem_without_a_right_trajectory_is_accounted_for(ledger):
    rows, _ = await run(ledger, METHOD, drawn(2), PARAMS, student=Scripted(lambda r: "no idea"), teacher=teacher())
    assert {row["notes"].refused for row in rows} == {"no_right_trajectory"}

"""Step pairs: which steps of a student lose by how much, and pairs that are the right way round."""

import random

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.problems import get_task, open_source
from synth.problems.steps import prefixes
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("step_pairs")


def drawn(count=12):
    return list(open_source("arithmetic", {"tiers": [3]}).draw(count, seed=3, tier=3))


def solve(problem):
    return get_task(problem.task).solve(problem)


def acting(slips_at, recovers=0.0):
    """A student that goes on along the known solution, but errs in step `slips_at`; after that it is right at this rate."""

    def answer(request):
        lines = solve(request.problem).splitlines()
        begun = request.messages[-1]["content"] if request.continues else ""
        at = len(begun.splitlines())
        if begun.splitlines() != lines[:at]:
            luck = random.Random(f"{request.seed}{begun}").random() < recovers
            return f"#### {request.problem.gold if luck else int(request.problem.gold) + 1}"
        if at <= slips_at < len(lines) - 1:
            left, _, value = lines[slips_at].rpartition(" ")
            slip = [*lines[at:slips_at], f"{left} {int(value) + 1}", *lines[slips_at + 1 : -1]]
            return "\n".join([*slip, f"#### {int(request.problem.gold) + 1}"])
        return "\n".join(lines[at:])

    return Scripted(answer)


async def test_a_step_that_loses_makes_a_pair_with_the_known_one_on_the_better_side(ledger):
    problems = drawn()
    rows, table = await run(ledger, METHOD, problems, student=acting(slips_at=1))
    steps = [row for row in rows if row["attrs"]["level"] == "step"]
    assert len([row for row in rows if row["attrs"]["level"] == "outcome"]) == len(problems)
    assert {row["attrs"]["step"] for row in steps} == {2}, "its first step is that of the solution"
    for row in steps:
        assert row["attrs"]["expert_value"] == 1.0 and row["attrs"]["student_value"] == 0.0
        shared = row["response"].splitlines()[0]
        assert row["rejected"].startswith(shared + "\n"), "both halves begin alike"
        assert row["response"].splitlines()[1] != row["rejected"].splitlines()[1]
    context = Context(problems={problem.id: problem for problem in problems})
    verdicts = run_filters([get_filter("answer")], table, context)
    assert set(verdicts["outcome"].to_pylist()) == {"pass"}


async def test_steps_that_lose_little_make_no_pair(ledger):
    problems = drawn()
    student = acting(slips_at=1, recovers=1.0)
    rows, _ = await run(ledger, METHOD, problems, student=student)
    assert {row["attrs"]["level"] for row in rows} == {"outcome"}, "what always recovers has lost nothing"


async def test_a_student_that_follows_the_solution_teaches_nothing(ledger):
    problems = drawn(3)
    rows, _ = await run(ledger, METHOD, problems, student=acting(slips_at=99))
    assert rows == []


async def test_problems_without_a_solution_ask_nobody(ledger):
    from dataclasses import replace

    problems = [replace(problem, task="math_word", solution=None, attrs={}) for problem in drawn(2)]
    student = acting(slips_at=0)
    rows, _ = await run(ledger, METHOD, problems, student=student)
    assert rows == [] and student.requests == []


async def test_an_estimate_is_the_share_of_completions(ledger):
    problems = drawn(30)
    rows, _ = await run(
        ledger, METHOD, problems, METHOD.params(step_gap=0.0, completions=16), student=acting(1, recovers=0.25)
    )
    values = [row["attrs"]["student_value"] for row in rows if row["attrs"]["level"] == "step"]
    # 30 problems of 16 completions at .25: the mean is within 4 standard errors, .25 +- .079
    assert 0.171 < sum(values) / len(values) < 0.329
    assert all(prefixes(solve(problem), [solve(problem).splitlines()[0]]) for problem in problems)

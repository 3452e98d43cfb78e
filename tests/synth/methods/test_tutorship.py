from dataclasses import replace

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from filters.night.policy import decide
from storage.lake.lake import Lake
from storage.sql.run import run_sql
from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import corrupt, errs, run, scripted

TUTORSHIP = get_method("tutorship")


def solve(problem):
    return get_task(problem.task).solve(problem)


async def by_solver(ledger, problems, student, params=None, **more):
    from synth.engines.solver import Solver

    return await run(ledger, TUTORSHIP, problems, params, student=student, teacher=Solver(), **more)


async def test_the_first_wrong_step_is_the_one_that_was_made_wrong(ledger, problems):
    rows, _ = await by_solver(ledger, problems, Scripted(lambda request: corrupt(request.problem)))
    for row, problem in zip(rows, problems, strict=True):
        attrs = row["attrs"]
        assert attrs["check"] == "wrong" and row["notes"].judgement.agrees is True and attrs["first_error_step"] == 2
        assert attrs["rule_first_error_step"] == 2 and attrs["step_agrees"] is True
        assert row["answer"] == problem.gold
        assert get_task("arithmetic").check(problem, row["response"]).outcome == "correct"


async def test_a_right_attempt_is_confirmed_and_marked_for_the_cap(ledger, problems):
    rows, _ = await by_solver(ledger, problems, Scripted(lambda request: solve(request.problem)))
    draws = set()
    for row in rows:
        attrs = row["attrs"]
        assert (
            attrs["check"] == "correct" and row["notes"].judgement.agrees is True and attrs["first_error_step"] is None
        )
        share = row["notes"].share
        assert (share.of, share.cap) == ("confirmation", 0.3)
        draws.add(share.draw)
    assert len(draws) == len(rows)


async def test_a_teacher_that_errs_is_found_out(ledger, problems):
    """A student that is wrong half the time, a teacher whose verdict is wrong a tenth of the time: both are known."""
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(200, seed=7, tier=1))

    def teach(request):
        problem = request.problem
        right = not errs(problem, "student", 0.5)
        if right != errs(problem, "teacher", 0.1):
            return "Check: correct"
        return f"Check: wrong\nFirst wrong step: 2\nWhy: no.\nCorrected:\n{solve(problem)}"

    student = Scripted(
        lambda request: corrupt(request.problem) if errs(request.problem, "student", 0.5) else solve(request.problem)
    )
    rows, table = await run(ledger, TUTORSHIP, problems, student=student, teacher=Scripted(teach))
    mistakes = {index for index, problem in enumerate(problems) if errs(problem, "teacher", 0.1)}
    assert {index for index, row in enumerate(rows) if row["notes"].judgement.agrees is False} == mistakes
    assert 10 < len(mistakes) < 30
    verdicts = run_filters([get_filter("answer")], table, Context(problems={item.id: item for item in problems}))
    outcome = decide(table, verdicts)["outcome"].to_pylist()
    assert {index for index, word in enumerate(outcome) if word == "rejected"} == mistakes  # recall and precision 1


@pytest.mark.slow
async def test_the_error_rate_and_the_effect_of_a_lesson_are_one_query_each(ledger, workspace, problems):
    """The queries are those of the module's docstring."""
    import synth.methods.tutorship as module

    def learn(request):
        if request.act == "retry":
            return solve(request.problem)
        return corrupt(request.problem)

    rows, table = await by_solver(ledger, problems, Scripted(learn), TUTORSHIP.params(retry=True))
    assert len({row["sample_id"] for row in rows}) == len(problems)
    with Lake(workspace) as lake:
        lake.commit("test", "test", {"samples": table}, night="2026-01-01/test")
    statements = [part for part in module.__doc__.replace("    --", "\n--").split("--")[1:]]
    queries = [part[part.index("select") :] for part in statements]
    assert len(queries) == 2
    assert run_sql(workspace, queries[0]).to_pylist()[0].popitem()[1] == 0
    assert run_sql(workspace, queries[1]).to_pylist()[0].popitem()[1] == 1


async def test_a_second_attempt_is_hinted_at_but_not_told_the_answer(ledger, problems):
    problems = [replace(problem, gold="31337") for problem in problems]
    seen = []

    def learn(request):
        seen.append((request.act, request.messages[-1]["content"]))
        return "1 + 1 = 3\n#### 3"

    reply = "Check: wrong\nFirst wrong step: 1\nWhy: {}\nCorrected:\n1 + 1 = 2\n#### 31337"
    for why, hinted in (("1 + 1 is 2.", True), ("The answer is 31,337.", False)):
        seen.clear()
        teacher = Scripted(lambda request, why=why: reply.format(why), f"teacher {why}")
        rows, _ = await run(
            ledger, TUTORSHIP, problems[:1], TUTORSHIP.params(retry=True), student=Scripted(learn, why), teacher=teacher
        )
        retry = dict(seen)["retry"]
        assert "step 1" in retry and (why in retry) is hinted
        assert not any("31337" in text or "31,337" in text for _, text in seen)
        attrs = rows[0]["attrs"]
        assert attrs["second_correct"] is False and attrs["control_correct"] is False
        assert attrs["explanation_gives_answer"] is not hinted
        assert TUTORSHIP.calls(TUTORSHIP.params(retry=True)) == {"student": 3, "teacher": 1}
        assert [act for act, _ in seen].count("solve") == 2


async def test_a_confirmed_attempt_is_not_tried_again(ledger, problems):
    student = Scripted(lambda request: solve(request.problem))
    rows, _ = await by_solver(ledger, problems, student, TUTORSHIP.params(retry=True))
    assert len(student.requests) == len(problems) and "second_attempt" not in rows[0]["attrs"]


@pytest.mark.parametrize(
    ("reply", "refused"),
    [("Check: correct", None), ("Check: wrong\nWhy: it is not the reference answer.", "mentions_reference")],
)
async def test_a_teacher_that_mentions_the_reference_is_refused(ledger, problems, reply, refused):
    student = Scripted(lambda request: solve(request.problem))
    teacher = scripted(correct=lambda request: reply)
    rows, _ = await run(ledger, TUTORSHIP, problems[:1], student=student, teacher=teacher)
    assert rows[0]["notes"].refused == refused

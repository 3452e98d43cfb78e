import random

import pytest

from synth.methods import get_method
from synth.problems import get_task, open_source, variants_of
from synth.problems.arithmetic import apply
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_choosing import by_number, right

LBT = get_method("learning_by_teaching")


@pytest.fixture(scope="module")
def problem():
    problems = open_source("arithmetic", {"tiers": [2]}).draw(40, seed=5, tier=2)
    return next(one for one in problems if {sign for sign, _ in one.attrs["operations"]} == {"+", "-"})


def taught_wrong(request):
    """A solution that adds where something is taken away, and comes to one wrong answer whoever writes it."""
    return "We add all of them.\n#### 7777"


def interpreter(request):
    """A student that carries out the operations of the example it is shown: all of them, or only additions."""
    variant = request.inputs["problem"]
    value = variant.attrs["start"]
    for sign, amount in variant.attrs["operations"]:
        value = apply(value, "+" if "We add all" in request.inputs["solution"] else sign, amount)
    return f"As in the example.\n#### {value}"


async def made(ledger, problem, *answers, **params):
    engines = {"teacher": by_number(*answers), "student": Scripted(interpreter, "s")}
    params = LBT.params(samples=len(answers), **params)
    rows, _ = await run(ledger, LBT, [problem], params, **engines)
    return rows, engines, params


async def test_the_right_answer_of_a_minority_teaches_best(ledger, problem):
    answers = [taught_wrong, right, taught_wrong, taught_wrong, right]
    rows, engines, params = await made(ledger, problem, *answers)
    assert [row["notes"].refused for row in rows].index(None) == 1, (
        "three of five say 7777, and nobody learns from them"
    )
    assert rows[1]["answer"] == problem.gold
    assert len(engines["student"].requests) <= LBT.calls(params)["student"] == 5 * 3 * 2
    asked = {request.inputs["problem"].prompt for request in engines["student"].requests}
    assert len(asked) == 3 and problem.prompt not in asked, "an exam of variants, not of the problem itself"


@pytest.mark.parametrize("choose", ["max", "pair"])
async def test_the_best_alone_or_against_the_worst(ledger, problem, choose):
    rows, _, _ = await made(ledger, problem, taught_wrong, right, choose=choose)
    if choose == "max":
        assert [row["notes"].refused for row in rows] == ["not_chosen", None]
    else:
        pair = rows[-1]
        assert pair["kind"] == "preference" and "7777" in pair["rejected"] and pair["attrs"]["chosen_score"] == 1.0


async def test_where_all_teach_the_same_there_is_no_pair(ledger, problem):
    rows, _, _ = await made(ledger, problem, right, right, choose="pair")
    assert {row["kind"] for row in rows} == {"sft"}


def reviser(*solutions):
    """A teacher that writes these solutions, one after the other."""

    def answer(request):
        return solutions[request.inputs.get("failures") is not None and answer.revised](request)

    answer.revised = 0

    def counted(request):
        answer.revised += request.act == "revise"
        return answer(request)

    return Scripted(counted, "t")


async def test_an_example_is_written_anew_by_what_students_got_wrong(ledger, problem):
    teacher, student = reviser(taught_wrong, taught_wrong, right, right), Scripted(interpreter, "s")
    params = LBT.params(choose="tuned", rounds=3)
    rows, _ = await run(ledger, LBT, [problem], params, teacher=teacher, student=student)
    assert [row["notes"].refused for row in rows] == ["not_chosen", "not_chosen", None], "no fourth: all passed"
    assert rows[-1]["answer"] == problem.gold and [row["attrs"]["version"] for row in rows] == [0, 1, 2]
    revisions = [request for request in teacher.requests if request.act == "revise"]
    for request in revisions:
        text = request.messages[-1]["content"]
        assert "We add all" in text and 1 <= len(request.inputs["failures"]) <= 3 and problem.gold not in text
        assert all(failure["question"] in text for failure in request.inputs["failures"])
    most = LBT.calls(params)
    assert len(teacher.requests) <= most["teacher"] and len(student.requests) <= most["student"]


async def test_the_best_version_is_learned_and_not_the_last(ledger, problem):
    def half(request):
        return right(request, "We add all of them at first.\n")

    params = LBT.params(choose="tuned", rounds=1)
    engines = {"teacher": reviser(half, taught_wrong), "student": Scripted(interpreter, "s")}
    rows, _ = await run(ledger, LBT, [problem], params, **engines)
    assert [row["notes"].refused for row in rows] == [None, "not_chosen"], "no better: the earlier one stays"


async def test_a_version_that_speaks_of_students_is_refused(ledger, problem):
    def chatty(request):
        return right(request, "So that no student goes wrong here:\n")

    rows, _ = await run(
        ledger, LBT, [problem], LBT.params(choose="tuned"), teacher=reviser(chatty), student=Scripted(interpreter, "s")
    )
    assert [row["notes"].refused for row in rows] == ["speaks_of_students"]


async def test_a_version_that_copies_what_it_was_asked_is_refused(ledger, problem):
    """As a small model does it, behind its solution."""

    def copies(request):
        return right(request) + "\nAfter it they were asked other problems of the kind, and went wrong."

    engines = {"teacher": reviser(taught_wrong, copies), "student": Scripted(interpreter, "s")}
    rows, _ = await run(ledger, LBT, [problem], LBT.params(choose="tuned", rounds=1), **engines)
    assert [row["notes"].refused for row in rows] == ["not_chosen", "copied_prompt"]


@pytest.mark.parametrize(
    ("kind", "options", "tier"), [("arithmetic", {"tiers": [3]}, 3), ("knights_knaves", {"people": [3]}, 3)]
)
def test_variants_are_near_and_their_gold_is_right(kind, options, tier):
    for problem in open_source(kind, options).draw(10, seed=2, tier=tier):
        variants = variants_of(problem, 3, 7)
        assert variants == variants_of(problem, 3, 7) and len({one.structure for one in variants}) == len(variants) > 0
        for one in variants:
            assert one.structure != problem.structure and one.tier == problem.tier and one.task == problem.task
            solved = get_task(one.task).solve(one)
            assert get_task(one.task).check(one, solved).outcome == "correct"
        if kind == "arithmetic":
            signs = [sign for sign, _ in problem.attrs["operations"]]
            assert all([sign for sign, _ in one.attrs["operations"]] == signs for one in variants)


def test_a_task_without_variants_has_none():
    from synth.problems.base import Problem

    assert variants_of(Problem("math_word", "f", "2 + 2?", "4", "s"), 3, random.Random(1).randrange(9)) == []

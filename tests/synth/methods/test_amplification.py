"""Amplification: what cannot be solved at once is solved by its parts, and the row is asked the bare problem."""

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.methods.amplification import read_parts
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("amplification")


def drawn(count=10):
    return list(open_source("arithmetic", {"tiers": [2]}).draw(count, seed=4, tier=2))


def weak(request):
    """A student that does one step at a time: at once it is wrong, with the answers of the parts before it, right."""
    lines = get_task(request.problem.task).solve(request.problem).splitlines()
    if request.act == "take_apart":
        return "\n".join(f"{number}. What is step {number}?" for number in range(1, len(lines)))
    if request.act == "answer_part":
        return lines[len(request.inputs["parts"])]
    if request.act == "put_together":
        return "\n".join([*(answer for _, answer in request.inputs["parts"]), f"#### {request.problem.gold}"])
    return f"#### {int(request.problem.gold) + 1}"


async def share_right(ledger, student=weak, **params):
    problems = drawn()
    rows, table = await run(ledger, METHOD, problems, METHOD.params(**params), student=Scripted(student))
    context = Context(problems={problem.id: problem for problem in problems})
    outcomes = run_filters([get_filter("answer")], table, context)["outcome"].to_pylist()
    return rows, outcomes.count("pass") / len(outcomes)


async def test_a_weak_student_is_right_by_parts_and_wrong_at_once(ledger):
    rows, right = await share_right(ledger)
    assert right == 1.0 and all(2 <= len(row["attrs"]["parts"]) <= 4 for row in rows)
    assert all(
        row["messages"][-1]["content"].startswith(problem.prompt) for row, problem in zip(rows, drawn(), strict=True)
    )
    assert (await share_right(ledger, control=True))[1] == 0.0


async def test_a_student_whom_parts_do_not_help_gains_nothing(ledger):
    def helpless(request):
        return weak(request) if request.act == "take_apart" else f"#### {int(request.problem.gold) + 1}"

    assert (await share_right(ledger, helpless))[1] == (await share_right(ledger, helpless, control=True))[1] == 0.0


async def test_what_is_not_taken_apart_is_refused(ledger):
    rows, _ = await share_right(ledger, lambda request: "1. What is asked?")
    assert {row["notes"].refused for row in rows} == {"not_taken_apart"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1. How many?\n2) How much?\n**3.** Why?", ["How many?", "How much?", "Why?"]),
        ("Question 1: How many?\nPart 2: How much?", ["How many?", "How much?"]),
        ("<think>\n1. Hm.\n</think>\n1. How many?\n1. How many?\n2. How much?", ["How many?", "How much?"]),
        ("How many?", []),
    ],
)
def test_parts_are_read_as_models_write_them(text, parts):
    assert read_parts(text, 8) == parts and read_parts(text, 1) == parts[:1]

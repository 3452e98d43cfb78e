"""Critical plan steps: plans are searched, pairs are siblings of opposite sign, and solutions count less."""

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.methods.critical_plan_steps import plan_steps, sibling_pairs
from synth.methods.search_tree import Completion, Tree
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("critical_plan_steps")


def drawn(count=6):
    return list(open_source("arithmetic", {"tiers": [2]}).draw(count, seed=8, tier=2))


def planning(request):
    """Two plans: to count forwards is right nine times of ten, to count backwards one time of ten."""
    begun = request.messages[-1]["content"] if request.continues else ""
    forwards = "forwards" in begun if begun else request.seed % 2 == 0
    right = (request.seed // 2) % 10 < (9 if forwards else 1)
    solution = get_task(request.problem.task).solve(request.problem)
    if not right:
        solution = solution.rsplit("#### ", 1)[0] + f"#### {int(request.problem.gold) + 1}"
    plan = f"Plan:\nCount {'forwards' if forwards else 'backwards'}.\n"
    return f"Solution:\n{solution}" if begun else f"{plan}Solution:\n{solution}"


async def test_solutions_with_plans_are_learned_and_plans_that_fail_stand_against_those_that_do_not(ledger):
    problems = drawn()
    params = METHOD.params(iterations=6, width=6, root_width=8)
    rows, table = await run(ledger, METHOD, problems, params, student=Scripted(planning))
    solutions = [row for row in rows if row["kind"] == "sft" and row["notes"].refused is None]
    pairs = [row for row in rows if row["kind"] == "preference" and row["attrs"]["level"] == "step"]
    assert solutions and pairs
    for row in solutions:
        assert "Plan:" in row["messages"][-1]["content"] and row["response"].startswith("Plan:\nCount ")
    for row in pairs:
        assert "forwards" in row["response"] and "backwards" in row["rejected"]
        assert row["attrs"]["chosen_q"] > 0 > row["attrs"]["rejected_q"]
        assert row["notes"].margin == pytest.approx(row["attrs"]["chosen_q"] - row["attrs"]["rejected_q"], abs=1e-5)
    per_problem = {problem.id: sum(row["problem_id"] == problem.id for row in solutions) for problem in problems}
    assert max(per_problem.values()) <= 4
    context = Context(problems={problem.id: problem for problem in problems})
    verdicts = run_filters([get_filter("answer")], table, context).to_pylist()
    outcomes = {verdict["sample_id"]: verdict["outcome"] for verdict in verdicts}
    assert {outcomes[row["sample_id"]] for row in [*solutions, *pairs]} == {"pass"}


async def test_a_student_that_plans_nothing_is_refused(ledger):
    rows, _ = await run(ledger, METHOD, drawn(2), student=Scripted(lambda request: f"#### {request.problem.gold}"))
    assert {row["notes"].refused for row in rows} == {"no_right_path"}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("Plan:\nAdd.\nSubtract.\nSolution:\n2 + 3 = 5", ["Add.", "Subtract.", "Solution:\n2 + 3 = 5"]),
        ("**Plan:**\n1. Add.\n\n### Solution\n5\n#### 5", ["1. Add.", "### Solution\n5\n#### 5"]),
        ("Solution:\n5", ["Solution:\n5"]),
        ("Plan:\nAdd.", []),
        ("", []),
    ],
)
def test_plans_are_cut_into_steps(text, steps):
    assert plan_steps(text) == steps


def test_pairs_are_siblings_of_opposite_sign_and_solutions_count_less():
    """At the root: q of 1, -1 and 0; below the first two solutions of +1 and -1."""
    tree = Tree()

    def seen(step, right, ends=False):
        return Completion(step, step, ends, right, "call", f"{step} {right}")

    tree.expand([tree.root], [seen("a", True), seen("b", False), seen("c", True), seen("c", False)])
    a = tree.root.children[0]
    tree.expand([tree.root, a], [seen("x", True, ends=True), seen("y", False, ends=True)])
    # a: 2 right of 3, so q = 1/3; b: q = -1; c: q = 0, which is neither
    assert [(good.number, bad.number, round(margin, 6)) for good, bad, margin in sibling_pairs(tree)] == [
        ("0.0", "0.1", round(4 / 3, 6)), ("0.0.0", "0.0.1", 0.6),
    ]  # fmt: skip

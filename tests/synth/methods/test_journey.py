"""Journeys: wrong turns before the right step, in the order of the tree, and rewritings that lose something."""

import pytest

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.methods.journey import draft, loses, wrong_turns
from synth.methods.search_tree import Completion, Tree
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("journey")
WHY = "The sum is not what it says."


def drawn(count=6):
    return list(open_source("arithmetic", {"tiers": [3]}).draw(count, seed=8, tier=3))


def slipping(request):
    """Every other answer errs in the step that comes next."""
    lines = get_task(request.problem.task).solve(request.problem).splitlines()
    begun = request.messages[-1]["content"].splitlines() if request.continues else []
    at = len(begun)
    if begun != lines[:at]:
        return f"#### {int(request.problem.gold) + 1}"
    if request.seed % 2 and at < len(lines) - 1:
        left, _, value = lines[at].rpartition(" ")
        return "\n".join([f"{left} {int(value) + 1}", *lines[at + 1 : -1], f"#### {int(request.problem.gold) + 1}"])
    return "\n".join(lines[at:])


def teacher(rewrite=lambda text: text):
    def answer(request):
        return WHY if request.act == "reflect" else rewrite(request.inputs["draft"])

    return Scripted(answer)


async def test_a_journey_takes_wrong_steps_back_and_ends_right(ledger):
    problems = drawn()
    rows, table = await run(ledger, METHOD, problems, student=Scripted(slipping), teacher=teacher())
    taught = [row for row in rows if row["notes"].refused is None]
    assert len(taught) >= 4 and len(rows) == len(problems)
    for row in taught:
        lines, turns = row["response"].splitlines(), row["attrs"]["n_wrong_nodes"]
        assert turns >= 1 and sum(line.startswith("Wait, that is not right.") for line in lines) == turns
        assert lines.index(f"Wait, that is not right. {WHY}") >= 1
    context = Context(problems={problem.id: problem for problem in problems})
    verdicts = run_filters([get_filter("answer")], table, context).to_pylist()
    passed = {verdict["sample_id"] for verdict in verdicts if verdict["outcome"] == "pass"}
    assert passed >= {row["sample_id"] for row in taught}, "false equations that are taken back are not held against it"


async def test_a_false_equation_that_is_not_taken_back_is_held_against_it(ledger):
    problems = drawn()
    rows, table = await run(
        ledger, METHOD, problems, student=Scripted(slipping), teacher=teacher(lambda text: f"1 + 1 = 3\n{text}")
    )
    context = Context(problems={problem.id: problem for problem in problems})
    verdicts = run_filters([get_filter("answer")], table, context).to_pylist()
    taught = {row["sample_id"] for row in rows if row["attrs"]["n_wrong_nodes"]}
    assert taught and {verdict["reason"] for verdict in verdicts if verdict["sample_id"] in taught} == {
        "false_equation"
    }


async def test_a_rewriting_that_loses_something_is_refused(ledger):
    rows, _ = await run(
        ledger, METHOD, drawn(), student=Scripted(slipping), teacher=teacher(lambda text: text.splitlines()[-1])
    )
    assert {row["notes"].refused for row in rows} <= {"rewrite_loses_steps", "no_wrong_turn", "no_right_path"}


async def test_the_control_is_the_path_without_wrong_turns(ledger):
    engine = teacher()
    rows, _ = await run(
        ledger, METHOD, drawn(), METHOD.params(control=True), student=Scripted(slipping), teacher=engine
    )
    taught = [row for row in rows if row["notes"].refused is None]
    assert taught and engine.requests == [] and not any("Wait" in row["response"] for row in taught)


async def test_a_problem_that_is_never_solved_keeps_its_tree_and_teaches_nothing(ledger):
    student = Scripted(lambda request: "5 + 1 = 6\n#### 0")
    rows, _ = await run(ledger, METHOD, drawn(2), student=student, teacher=teacher())
    assert {row["notes"].refused for row in rows} == {"no_right_path"}
    assert all(row["notes"].tree[0].visits == 5 for row in rows)


def completion(step, before, *, ends=False, right=False):
    return Completion(step, before + step + "\n", ends, right, step)


def test_the_draft_is_a_depth_first_walk_with_few_tries_per_node():
    """Two wrong steps at the root of which one is walked, one after the first right step; nothing after the right end."""
    problem = drawn(1)[0]
    tree, params = Tree(), METHOD.params(wrong_tries=1)
    wrong = [completion(step, "") for step in ("1 + 1 = 3", "1 + 1 = 4")]
    tree.expand([tree.root], [*wrong, completion("1 + 1 = 2", "", right=True)])
    good = tree.root.children[2]
    tree.expand([tree.root, good], [completion("2 + 1 = 4", good.prefix),
                                    completion("2 + 1 = 3\n#### 3", good.prefix, ends=True, right=True)])  # fmt: skip
    leaf = tree.leaves(right=True)[0]
    turns = wrong_turns(problem, tree, leaf, params)
    assert [turn.node.step for turn in turns] == ["1 + 1 = 3", "2 + 1 = 4"]
    assert draft(tree.path(leaf), turns, ["First.", "Second."]).splitlines() == [
        "1 + 1 = 3", "Wait, that is not right. First.", "1 + 1 = 2",
        "2 + 1 = 4", "Wait, that is not right. Second.", "2 + 1 = 3", "#### 3",
    ]  # fmt: skip
    assert len(wrong_turns(problem, tree, leaf, METHOD.params(wrong_tries=2))) == 3
    assert len(wrong_turns(problem, tree, leaf, METHOD.params(wrong_tries=2, most_wrong=2))) == 2


@pytest.mark.parametrize(
    ("written", "lost"),
    [
        ("I add 5 and 3 to 9. Wait, wrong, it is 8. 8 - 2 = 6.", False),
        ("I add 5 and 3 to 8. 8 - 2 = 6.", True),  # the wrong turn is gone
        ("Wait, wrong. It is 6.", True),  # numbers are gone
        ("Wait, wrong: 5 + 3 = 9, no, 8, and 8 - 2 = 6. " * 5, True),  # much too long
    ],
)
def test_what_a_rewriting_may_not_lose(written, lost):
    original = "5 + 3 = 9\nWait, that is not right. No.\n5 + 3 = 8\n8 - 2 = 6"
    assert loses(written, original, 1) is lost

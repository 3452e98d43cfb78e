"""Plan, edit, explain: the edits lead back to the solution exactly, and each fault is one that a checker sees."""

import random

from filters import get_filter
from filters.base import Context, run_filters
from synth.methods import get_method
from synth.methods.plan_edit_explain import undo
from synth.problems import get_task, open_source
from synth.problems.equations import false_equation
from tests.synth.methods.dialogue import run

METHOD = get_method("plan_edit_explain")


def drawn(count=60):
    return list(open_source("arithmetic", {"tiers": [4]}).draw(count, seed=2, tier=4))


def test_the_edits_lead_back_and_each_fault_is_seen():
    kinds = set()
    for number, problem in enumerate(drawn()):
        lines = get_task(problem.task).solve(problem).splitlines()
        draft, edits = undo(lines, random.Random(number), 3)
        assert draft != lines and edits
        faults = sum(false_equation(line) is not None for line in draft)
        for edit in edits:
            if edit.old is None:
                assert edit.why.split(" ")[0] in draft[edit.line].split(" "), "the next step uses what is missing"
            draft = edit.apply(draft)
            kinds.add(edit.fault)
            left = sum(false_equation(line) is not None for line in draft)
            assert left == faults - (edit.old is not None), "an edit mends its own fault and makes none"
            assert edit.old is None or edit.why == false_equation(edit.old)
            faults = left
        assert draft == lines
    assert kinds == {"wrong_result", "wrong_sign", "missing_step"}


async def test_rows_pass_the_checker_and_ask_nobody(ledger):
    problems = drawn(20)
    rows, table = await run(ledger, METHOD, problems)
    assert len(rows) == len(problems) and all(row["parents"] == [] for row in rows)
    context = Context(problems={problem.id: problem for problem in problems})
    assert set(run_filters([get_filter("answer")], table, context)["outcome"].to_pylist()) == {"pass"}
    for row in rows:
        text, draft = row["response"], "\n".join(row["attrs"]["draft"])
        assert draft in row["messages"][-1]["content"] and text.count("Plan: ") == text.count("Why: ") == len(
            row["attrs"]["faults"]
        )
        assert text.index("Plan: ") < text.index("Edit:") < text.index("Why: ") < text.index("Nothing is left to mend.")


async def test_another_seed_makes_other_faults(ledger):
    one, _ = await run(ledger, METHOD, drawn(10))
    other, _ = await run(ledger, METHOD, drawn(10), METHOD.params(seed=1))
    assert [row["response"] for row in one] != [row["response"] for row in other]

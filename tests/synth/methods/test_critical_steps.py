"""Critical steps: the one decisive step is found, never more than the share, and only they carry loss."""

import random

import pytest

from synth.methods import get_method
from synth.methods.critical_steps import critical
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from train_stages.masks import MASKS

METHOD = get_method("critical_steps")


def drawn(count=10, tier=3):
    return list(open_source("arithmetic", {"tiers": [tier]}).draw(count, seed=5, tier=tier))


def lines_of(problem):
    return get_task(problem.task).solve(problem).splitlines()


def deciding(step, before=0.2):
    """A student that ends right at the rate `before` until it has taken the decisive step, and always after it."""

    def answer(request):
        lines = lines_of(request.problem)
        begun = request.messages[-1]["content"].splitlines() if request.continues else []
        luck = random.Random(f"{request.seed}{begun}").random() < before
        if len(begun) > step or luck:
            return "\n".join(lines[len(begun) :])
        return f"#### {int(request.problem.gold) + 1}"

    return Scripted(answer)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ((0.1, 0.1, 0.9, 1.0), 0.3, (1,)),  # floor(.9) is 0, so one
        ((0.5, 0.0, 0.5, 0.5, 1.0), 0.5, (0, 1)),  # changes .5, .5, 0, .5: of equals the earlier
        ((0.0, 0.1, 0.3, 0.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), 0.3, (1, 2, 3)),
        ((0.0, 1.0), 1.0, (0,)),
    ],
)
def test_which_steps_are_critical(values, share, expected):
    assert critical(values, share) == expected


async def test_the_decisive_step_is_found(ledger):
    problems = drawn(30)
    rows, _ = await run(ledger, METHOD, problems, METHOD.params(completions=16), student=deciding(1))
    rows = [row for row in rows if row["notes"].refused is None]
    assert len(rows) > 20
    found = [row for row in rows if row["notes"].critical == (1,)]
    assert len(found) / len(rows) > 0.9
    assert all(row["attrs"]["values"][2] == 1.0 for row in rows), "nothing is lost after it"
    assert all(row["labels"] == [True] * len(row["steps"]) for row in rows)


async def test_the_control_draws_as_many_and_not_the_decisive_one(ledger):
    problems = drawn(60)
    rows, _ = await run(
        ledger, METHOD, problems, METHOD.params(completions=8, control=True), student=deciding(1, before=0.5)
    )
    rows = [row for row in rows if row["notes"].refused is None]
    sizes = {len(row["notes"].critical) for row in rows}
    hits = sum(row["notes"].critical == (1,) for row in rows) / len(rows)
    assert sizes == {1} and {row["attrs"]["selector"] for row in rows} == {"random"}
    assert hits < 0.6, "a draw of one of three steps"


async def test_only_critical_steps_carry_loss(ledger):
    problems = drawn(5)
    _, table = await run(ledger, METHOD, problems, student=deciding(1, before=0.5))
    raw = [{**row, "problem_attrs": "{}", "prompt": "", "gold": "", "structure": "", "tier": 1, "solution": None,
            "license": "", "gold_source": "data", "source": "arithmetic"} for row in table.to_pylist()]  # fmt: skip
    mask = MASKS.make("critical")
    raw = [row for row in raw if "refused" not in row["notes"]]
    assert raw
    for row in raw:
        (chat,) = mask(row, lambda problem: [{"role": "user", "content": "?"}])
        text = chat.messages[-1]["content"]
        learned = [text[start:end].strip() for start, end in chat.spans]
        assert learned == [row["steps"][1]] and len(learned) <= max(1, 0.3 * len(row["steps"]))


@pytest.mark.parametrize(
    ("writes", "reason"),
    [
        (lambda request: "5 + 1 = 6\n#### 0", "no_right_solution"),
        (lambda request: f"#### {request.problem.gold}", "too_few_steps"),
        (lambda request: "\n".join(["1 + 1 = 2"] * 20 + [f"#### {request.problem.gold}"]), "too_many_steps"),
        (lambda request: f"1 + 1 = 3\n3 + 1 = 4\n#### {request.problem.gold}", "false_step"),
    ],
)
async def test_a_solution_without_critical_steps_is_refused_with_the_reason(ledger, writes, reason):
    student = Scripted(writes)
    rows, _ = await run(ledger, METHOD, drawn(3), METHOD.params(completions=2), student=student)
    assert [row["notes"].refused for row in rows] == [reason] * 3 and len(student.requests) == 6
    assert all(row["notes"].critical == () and not any(row["labels"]) for row in rows)

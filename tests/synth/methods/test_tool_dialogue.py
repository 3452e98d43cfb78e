"""A dialogue with a calculator as rows: what the tool says stands in turns that are not learned, the last reply is."""

import pytest

from synth.engines.solver import Solver
from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run


@pytest.fixture
def problem():
    return open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]


async def test_a_tool_user_is_answered_and_its_dialogue_is_one_row(ledger, problem):
    def user(request):
        turns = [message for message in request.messages if message["role"] == "assistant"]
        return "calculate: 2 + 3" if not turns else get_task(problem.task).solve(problem)

    rows, _ = await run(ledger, get_method("tool_dialogue"), [problem], teacher=Scripted(user))
    (row,) = rows
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user"]
    assert row["messages"][1]["content"] == "calculate: 2 + 3" and row["messages"][2]["content"] == "2 + 3 = 5"
    assert row["response"] == get_task(problem.task).solve(problem) and row["answer"] == problem.gold
    assert row["attrs"]["reward"] == 1.0 and row["attrs"]["turns"] == 2 and row["notes"].refused is None
    assert len(row["parents"]) == 2


async def test_a_dialogue_that_never_ends_is_a_row_with_its_reason(ledger, problem):
    params = get_method("tool_dialogue").params(turns=3)
    rows, _ = await run(
        ledger, get_method("tool_dialogue"), [problem], params, teacher=Scripted(lambda _: "calculate: 1 + 1")
    )
    assert rows[0]["notes"].refused == "unfinished_dialogue" and rows[0]["attrs"]["turns"] == 3
    assert rows[0]["answer"] is None


async def test_a_model_by_rule_cannot_go_on_with_a_dialogue(ledger, problem):
    from synth.calls.ask import Asker
    from synth.calls.prompting import Prompts
    from synth.night.runner import run_attempts
    from tests.synth.night.test_runner import attempts

    asker = Asker(ledger, {"teacher": Solver()}, Prompts(), night="2026-01-01/test")
    finished = await run_attempts(attempts(get_method("tool_dialogue"), [problem]), asker)
    assert finished.attempts["reason"].to_pylist() == ["no_dialogue"]

"""A dialogue with a calculator as rows: what the tool says stands in turns that are not learned, the last reply is."""

import json

import pytest

from filters import get_filter
from filters.rows import read_rows
from synth.engines.base import Sampling, tools_of, with_tools
from synth.engines.solver import Solver
from synth.methods import get_method
from synth.problems import get_task, open_source
from synth.tools import get_tool
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run


@pytest.fixture
def problem():
    return open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]


async def test_a_tool_user_is_answered_and_its_dialogue_is_one_row(ledger, problem):
    def user(request):
        turns = [message for message in request.messages if message["role"] == "assistant"]
        return "calculate: 2 + 3" if not turns else get_task(problem.task).solve(problem)

    params = get_method("tool_dialogue").params(form="text")
    rows, _ = await run(ledger, get_method("tool_dialogue"), [problem], params, teacher=Scripted(user))
    (row,) = rows
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user"]
    assert row["messages"][1]["content"] == "calculate: 2 + 3" and row["messages"][2]["content"] == "2 + 3 = 5"
    assert row["response"] == get_task(problem.task).solve(problem) and row["answer"] == problem.gold
    assert row["attrs"]["reward"] == 1.0 and row["attrs"]["turns"] == 2 and row["notes"].refused is None
    assert len(row["parents"]) == 3 and row["tools"] is None


async def test_a_dialogue_that_never_ends_is_a_row_with_its_reason(ledger, problem):
    params = get_method("tool_dialogue").params(turns=3, form="text")
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


CALLS = '<tool_call>\n{"name": "python", "arguments": {"code": "print(2 + 3)"}}\n</tool_call>'


async def test_calls_and_results_are_openais_messages_and_a_replay_runs_nothing(ledger, problem, monkeypatch):
    """The tool's run is a call in the ledger, a parent of the row, and is found again by another process as well."""
    python, programs = get_tool("python"), []
    monkeypatch.setattr(type(python), "run", lambda self, arguments: programs.append(arguments["code"]) or "5")

    def user(request):
        assert tools_of(request.sampling.body) == [python.schema]
        told = [message for message in request.messages if message["role"] == "tool"]
        return CALLS + "\n" + CALLS if not told else get_task(problem.task).solve(problem)

    params = get_method("tool_dialogue").params(environment="python")
    tables = []
    for _ in range(2):
        model = Scripted(user)
        rows, table = await run(ledger, get_method("tool_dialogue"), [problem], params, teacher=model)
        tables.append(table)
        asked = len(model.requests)
    assert programs == ["print(2 + 3)"] and asked == 0 and tables[0].equals(tables[1])
    (row,) = rows
    calls = row["messages"][1]["tool_calls"]
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "tool", "tool"]
    assert (
        [call["id"] for call in calls] == ["call00000", "call00001"] == [m["tool_call_id"] for m in row["messages"][2:]]
    )
    assert {call["function"]["arguments"] for call in calls} == {'{"code": "print(2 + 3)"}'}
    assert json.loads(row["tools"]) == [python.schema] and row["models"] == ["scripted"]
    assert len(row["parents"]) == 4 and row["answer"] == problem.gold and row["attrs"]["reward"] == 1.0
    assert filtered(tables[0]) == [None]


async def test_a_call_that_cannot_be_read_or_names_no_tool_is_told_or_refused(ledger, problem):
    def user(request):
        told = [message["content"] for message in request.messages if message["role"] == "tool"]
        return (
            '<tool_call>{"name": "search", "arguments": {}}</tool_call>'
            if not told
            else "<tool_call>{</tool_call> #### 5"
        )

    params = get_method("tool_dialogue").params(environment="calculator")
    rows, table = await run(ledger, get_method("tool_dialogue"), [problem], params, teacher=Scripted(user))
    assert rows[0]["messages"][2]["content"] == "error: there is no tool 'search'; there is calculator"
    assert filtered(table) == ["call_in_answer"]


def test_only_models_that_know_tools_are_given_them(tmp_path):
    from synth.engines.sampler import Sampler
    from tests.tiny_llama import make_tiny

    body = with_tools(Sampling(), [get_tool("calculator").schema]).body
    sampler = Sampler(make_tiny(tmp_path / "tiny", layers=1, width=32), device="cpu")
    [answer] = sampler.generate([[{"role": "user", "content": "2 + 3?"}]], temperature=0.0, max_tokens=2, body=body)
    assert answer.finish_reason == "error" and answer.error.startswith("no_tools: ")


def filtered(table):
    """Reasons for which `structure` rejects rows; None for a row that passes."""
    kind = get_filter("structure")
    findings = kind.rule(read_rows(table), None, kind.options)
    return [findings[row["sample_id"]].reason for row in table.to_pylist()]

"""Evaluations as inspect's logs: every answer is in one, with what asked it; where inspect is installed, it reads them."""

import json

import pytest

from flows.report.inspect_log import Asked, write_logs
from synth.answers.outcome import Outcome
from synth.problems import open_source

CALL = {"id": "call00000", "type": "function", "function": {"name": "python", "arguments": '{"code": "print(5)"}'}}
ODD = {"id": "call00001", "type": "function", "function": {"name": "python", "arguments": "no json"}}


@pytest.fixture
def logs(tmp_path):
    problems = list(open_source("arithmetic", {"tiers": [1]}).draw(3, seed=1))
    outcomes = (Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE)
    turns = [
        {"role": "assistant", "content": "", "tool_calls": [CALL, ODD], "tool_call_id": None},
        {"role": "tool", "content": "5", "tool_calls": None, "tool_call_id": "call00000"},
    ]
    rows = [
        {"problem_id": problem.id, "task": "arithmetic", "tier": 1, "mode": mode, "response": f"#### {n}",
         "finish_reason": "length" if n else "stop", "answer": str(n), "outcome": outcome.value, "judge": "1",
         "turns": None if n else turns}
        for problem, outcome in zip(problems, outcomes, strict=True)
        for mode, numbers in (("greedy", [0]), ("sampled", [0, 1]))
        for n in numbers
    ]  # fmt: skip
    chats = {problem.id: [{"role": "user", "content": problem.prompt}] for problem in problems}
    asked = Asked("../test set", "0123abc", problems, chats, {"shots": 0, "prompt": "solve@1"})
    return problems, write_logs(tmp_path / "logs", asked, rows)


def test_each_mode_is_a_log_with_every_answer_and_its_question(logs):
    problems, files = logs
    assert [file.parent.name for file in files] == ["logs", "logs"] and all("/" not in file.name for file in files)
    greedy, sampled = (json.loads(file.read_text()) for file in files)
    assert (greedy["eval"]["config"]["epochs"], sampled["eval"]["config"]["epochs"]) == (1, 2)
    assert [sample["scores"]["judge"]["value"] for sample in greedy["samples"]] == ["C", "I", "N"]
    assert greedy["results"]["scores"][0]["metrics"]["accuracy"]["value"] == 1 / 3
    assert [(sample["id"], sample["epoch"]) for sample in sampled["samples"]] == [
        (p.id, n) for p in problems for n in (1, 2)
    ]
    first = greedy["samples"][0]
    assert first["target"] == problems[0].gold and first["input"][0]["content"] == problems[0].prompt
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert [call["arguments"] for call in first["messages"][1]["tool_calls"]] == [
        {"code": "print(5)"},
        {"text": "no json"},
    ]
    assert sampled["samples"][1]["output"]["choices"][0]["stop_reason"] == "max_tokens"
    assert greedy["eval"]["metadata"] == {"shots": 0, "prompt": "solve@1"}


def test_inspect_reads_them(logs):
    log = pytest.importorskip("inspect_ai.log")
    _, files = logs
    read = [log.read_eval_log(str(file)) for file in files]
    assert [len(one.samples) for one in read] == [3, 6] and all(one.status == "success" for one in read)
    assert read[0].samples[0].messages[1].tool_calls[0].arguments == {"code": "print(5)"}
    assert [info.task for info in log.list_eval_logs(str(files[0].parent))] != []

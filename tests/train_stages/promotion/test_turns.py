"""An evaluation with turns: the model calls a tool, the last reply is judged, and a second one makes no call and runs nothing."""

from pathlib import Path

import pytest

from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.messages import chat_of
from storage.models.evaluations import evaluation_key, find_evaluation, record_evaluation
from synth.calls.responder import EngineResponder
from synth.engines.base import tools_of
from synth.engines.sampler import Generation
from synth.tools import get_tool
from tests.synth.conftest import Scripted
from train_stages.promotion.evaluate import Asking, EvaluateConfig, evaluate

CALL = '<tool_call>{"name": "python", "arguments": {"code": "print(20 + 31)"}}</tool_call>'
CONFIG = EvaluateConfig(samples=1, environment="python")


def user(problems):
    """Calls the interpreter, and then answers the even problems rightly."""
    gold = {problem.prompt: (problem.gold if n % 2 == 0 else "-1") for n, problem in enumerate(problems)}

    def answer(request):
        assert tools_of(request.sampling.body) == [get_tool("python").schema]
        told = [message["content"] for message in request.messages if message["role"] == "tool"]
        return f"#### {gold[request.messages[0]['content']]}" if told else CALL

    return answer


def test_a_model_is_evaluated_with_tools_and_again_from_the_ledger(problems, tmp_path, monkeypatch, workspace):
    programs = []
    monkeypatch.setattr(
        type(get_tool("python")), "run", lambda self, arguments: programs.append(arguments["code"]) or "51"
    )
    made = []
    for _ in range(2):
        model = Scripted(user(problems[:6]))
        with Ledger(tmp_path / "ledger.sqlite") as ledger, EngineResponder(model, ledger, "n") as responder:
            evaluation = evaluate(Path("nowhere"), problems[:6], CONFIG, sampler=responder)
        made.append((len(model.requests), len(programs)))
        rows = evaluation.rows.to_pylist()
        assert [row["outcome"] for row in rows if row["mode"] == "greedy"] == ["correct", "wrong"] * 3
    assert made == [(24, 1), (0, 1)], "six problems, greedy and sampled, two turns; one program, run once for ever"
    assert evaluation.greedy.value == 0.5
    key = evaluation_key("k", "v", Asking(CONFIG).identity())
    assert key != evaluation_key("k", "v", Asking(EvaluateConfig(samples=1)).identity())
    with Lake(workspace) as lake:
        record_evaluation(lake, key, evaluation.rows, checkpoint_id="k", version="v", night="n")
        [row] = [r for r in find_evaluation(lake, key).to_pylist() if r["mode"] == "greedy"][:1]
    asked, told = chat_of(row["turns"])
    assert asked["tool_calls"][0]["function"]["name"] == "python" and told["content"] == "51"
    assert row["response"].startswith("#### ")


def test_problems_that_an_environment_does_not_play_are_asked_once(problems):
    class Once:
        def generate(self, conversations, **asked):
            assert "body" not in asked
            return [Generation("#### 1", "stop", 1, 1) for _ in conversations]

    from dataclasses import replace

    other = [replace(problem, task="code", attrs={"entry_point": "f", "tests": []}) for problem in problems[:2]]
    rows = evaluate(Path("nowhere"), other, EvaluateConfig(samples=0, environment="python"), sampler=Once()).rows
    assert rows["turns"].to_pylist() == [None, None]


def test_a_dialogue_without_end_and_one_that_is_cut_are_wrong(problems):
    class Endless:
        def generate(self, conversations, **asked):
            return [Generation(CALL, "length" if n % 2 else "stop", 1, 1) for n, _ in enumerate(conversations)]

    config = EvaluateConfig(samples=0, environment={"kind": "python", "turns": 2, "form": "tools"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(get_tool("python")), "run", lambda self, arguments: "51")
        rows = evaluate(Path("nowhere"), problems[:2], config, sampler=Endless()).rows.to_pylist()
    assert "correct" not in {row["outcome"] for row in rows}
    assert [len(row["turns"]) for row in rows] == [2, 0]

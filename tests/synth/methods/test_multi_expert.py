import json

import pytest

from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.night.runner import run_attempts
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.night.test_runner import NIGHT, attempts

METHOD = get_method("multi_expert")


def teacher(answers, selected, combined="#### 5", experts=3):
    """Names experts, answers as each of them in the order of asking, and selects."""
    asked = {}

    def answer(request):
        if request.act == "experts":
            return json.dumps(
                {"experts": [{"role": f"expert {n}", "description": "knows sums"} for n in range(experts)]}
            )
        if request.act == "merge":
            lists = {name: [] for name in ("agreed", "conflicts", "resolved", "isolated")}
            return json.dumps({**lists, "combined": combined, "selected": selected})
        number = asked[request.problem.id] = asked.get(request.problem.id, -1) + 1
        return f"As {request.inputs['role']}.\n#### {answers[number]}"

    return Scripted(answer)


async def made(ledger, problem, answers, selected, **more):
    answers = [problem.gold if answer == "right" else answer for answer in answers]
    engine = teacher(answers, selected, **more)
    rows, _ = await run(ledger, METHOD, [problem], teacher=engine)
    return rows, engine


async def test_the_selected_answer_is_the_row_and_a_lone_wrong_one_the_worse_half(ledger, problems):
    rows, engine = await made(ledger, problems[0], ["-7", "right", "right"], 2)
    assert [row["kind"] for row in rows] == ["sft", "preference"] and len(engine.requests) == 5
    assert rows[0]["response"] == f"As expert 1.\n#### {problems[0].gold}" and rows[0]["answer"] == problems[0].gold
    assert rows[1]["rejected"].startswith("As expert 0.") and rows[0]["attrs"]["with_majority"] is True
    systems = [request.messages[0]["content"] for request in engine.requests if request.act == "answer_as"]
    assert systems == [f"You are expert {n}. knows sums" for n in range(3)]
    assert "system" not in {message["role"] for message in rows[0]["messages"]}, "the row names no expert"


async def test_a_right_minority_against_the_majority_is_recorded(ledger, problems):
    rows, _ = await made(ledger, problems[0], ["-7", "-7", "right"], 3)
    assert rows[0]["attrs"]["with_majority"] is False and rows[0]["attrs"]["votes"] == 2 and len(rows) == 2


async def test_a_wrong_selection_makes_no_pair_and_the_combined_answer_may_be_selected(ledger, problems):
    rows, _ = await made(ledger, problems[0], ["-7", "right", "right"], 1)
    assert [row["kind"] for row in rows] == ["sft"]
    rows, _ = await made(ledger, problems[1], ["right"] * 3, 0, combined="All agree.\n#### 5")
    assert rows[0]["response"] == "All agree.\n#### 5" and rows[0]["attrs"]["selected"] == "combined"


async def test_an_expert_that_there_is_not_is_refused(ledger, problems):
    rows, _ = await made(ledger, problems[0], ["right"] * 3, 4)
    assert rows[0]["notes"].refused == "no_such_expert"


@pytest.mark.parametrize("experts", [2, 4])
async def test_as_many_experts_as_were_asked_for_or_the_attempt_fails(ledger, problems, experts):
    asker = Asker(ledger, {"teacher": teacher(["1"] * 4, 1, experts=experts)}, Prompts(), night=NIGHT)
    finished = await run_attempts(attempts(METHOD, problems[:1], METHOD.params()), asker)
    assert [row["reason"] for row in finished.attempts.to_pylist()] == ["schema_violation"]

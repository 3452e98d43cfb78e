import json

from synth.methods import get_method
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_candidates import half_right

AI_FEEDBACK = get_method("ai_feedback")


def judge(sure):
    """Names the right one; where `sure` says no it names the first that it is shown."""

    def answer(request):
        if "principle" in request.messages[-1]["content"] and not sure(request):
            return json.dumps({"reason": "first", "better": "A"})
        return json.dumps({"reason": "r", "better": "B" if "#### -7" in request.inputs["first"] else "A"})

    return Scripted(answer, "g")


async def test_a_verdict_of_both_orders_is_a_pair_and_one_of_the_order_none(ledger):
    problems = list(open_source("arithmetic", {"tiers": [2]}).draw(60, seed=5, tier=2))
    half = {problem.id for problem in problems[::2]}
    grader = judge(lambda request: request.problem.id in half)
    rows, _ = await run(ledger, AI_FEEDBACK, problems, student=Scripted(half_right, "s"), grader=grader)
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert len(pairs) >= 10 and {row["problem_id"] for row in pairs} <= half, "where the order decided there is no pair"
    assert all("#### -7" in row["rejected"] and "#### -7" not in row["response"] for row in pairs)
    assert {row["attrs"]["principle_id"] for row in rows} == {0, 1, 2, 3}, "each principle is drawn"
    asked = [request for request in grader.requests if "principle" in request.messages[-1]["content"]]
    assert 60 < len(asked) <= 120, "two orders of each problem; one, where both answers are the same text"
    assert len(rows) == 120 + len(pairs)

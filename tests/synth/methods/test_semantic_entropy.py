from collections import Counter

import pytest

from synth.methods import get_method
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("semantic_entropy")


def chains(*rounds):
    """Answers of each round, in the order of asking."""
    asked = Counter()

    def answer(request):
        number = asked[request.problem.id]
        asked[request.problem.id] += 1
        given = [text for texts in rounds for text in texts]
        return f"Chain {number}.\n#### {given[number]}" if given[number] else "I cannot say."

    return Scripted(answer)


@pytest.mark.parametrize(
    ("rounds", "stopped", "answer", "asked"),
    [
        (["888"], 1, "8", 3),
        (["889", "888"], 2, "8", 6),
        (["88 ", "999"], 1, "8", 3),  # who does not answer disagrees with nobody
        (["123", "124", "888"], 3, "8", 9),
    ],
)
async def test_thinking_stops_when_the_answers_agree(ledger, problems, rounds, stopped, answer, asked):
    engine = chains(*([text.strip() for text in texts] for texts in rounds))
    ((row,), _) = await run(ledger, METHOD, problems[:1], teacher=engine)
    assert (row["attrs"]["stopped_round"], row["answer"], len(engine.requests)) == (stopped, answer, asked)
    assert row["notes"].refused is None and row["response"].startswith(f"Chain {3 * (stopped - 1)}.")
    assert {request.act for request in engine.requests[3:]} <= {"other_sides"}
    assert all("Chain" in request.messages[-1]["content"] for request in engine.requests[3:])


async def test_chains_that_never_agree_are_pooled_and_refused(ledger, problems):
    ((row,), _) = await run(ledger, METHOD, problems[:1], teacher=chains("123", "145", "167"))
    assert row["notes"].refused == "persistent_disagreement" and row["attrs"]["stopped_round"] is None
    assert (row["answer"], row["attrs"]["votes"]) == ("1", 3), "the majority of all rounds"
    assert row["attrs"]["entropy"] == [1.585] * 3


async def test_a_wider_bound_is_content_with_less(ledger, problems):
    ((row,), _) = await run(ledger, METHOD, problems[:1], METHOD.params(bound=0.92), teacher=chains("889"))
    assert (row["attrs"]["stopped_round"], row["answer"]) == (1, "8")
    ((row,), _) = await run(ledger, METHOD, problems[1:2], METHOD.params(rounds=1), teacher=chains(["", "", ""]))
    assert row["notes"].refused == "no_answer"

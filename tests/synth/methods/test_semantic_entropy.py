from collections import Counter

import pytest

from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("semantic_entropy")
PLAIN = METHOD.params(triggers=())


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
    ((row,), _) = await run(ledger, METHOD, problems[:1], PLAIN, teacher=engine)
    assert (row["attrs"]["stopped_round"], row["answer"], len(engine.requests)) == (stopped, answer, asked)
    assert row["notes"].refused is None and row["response"].startswith(f"Chain {3 * (stopped - 1)}.")
    assert {request.act for request in engine.requests[3:]} <= {"other_sides"}
    assert all("Chain" in request.messages[-1]["content"] for request in engine.requests[3:])


async def test_chains_that_never_agree_are_pooled_and_refused(ledger, problems):
    ((row,), _) = await run(ledger, METHOD, problems[:1], PLAIN, teacher=chains("123", "145", "167"))
    assert row["notes"].refused == "persistent_disagreement" and row["attrs"]["stopped_round"] is None
    assert (row["answer"], row["attrs"]["votes"]) == ("1", 3), "the majority of all rounds"
    assert row["attrs"]["entropy"] == [1.585] * 3


async def test_a_wider_bound_is_content_with_less(ledger, problems):
    ((row,), _) = await run(ledger, METHOD, problems[:1], METHOD.params(bound=0.92, triggers=()), teacher=chains("889"))
    assert (row["attrs"]["stopped_round"], row["answer"]) == (1, "8")
    ((row,), _) = await run(
        ledger, METHOD, problems[1:2], METHOD.params(rounds=1, triggers=()), teacher=chains(["", "", ""])
    )
    assert row["notes"].refused == "no_answer"


async def test_each_task_is_asked_by_the_sentence_whose_answers_disagree_least(ledger, problems):
    """Two tasks, two sentences, each of which steadies one of them; whether the steady answer is right is not looked at."""
    puzzles = list(open_source("knights_knaves", {"people": [2]}).draw(4, seed=1, tier=2))
    steady = {"arithmetic": "Think of the sea.", "knights_knaves": "Think of a hill."}

    def answer(request):
        if request.inputs["trigger"] != steady[request.problem.task]:
            return f"So.\n#### {request.seed % 97}"
        return (
            "So.\n#### 1" if request.problem.task == "arithmetic" else get_task("knights_knaves").solve(request.problem)
        )

    params = METHOD.params(triggers=tuple(steady.values()), rounds=1)
    engine = Scripted(answer)
    rows, table = await run(ledger, METHOD, [*problems[:4], *puzzles], params, teacher=engine)
    assert {(row["task"], row["attrs"]["trigger"]) for row in rows} == set(steady.items())
    assert {row["attrs"]["stopped_round"] for row in rows} == {1}
    assert all(any("semantic_entropy/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())
    assert len(engine.requests) == 8 * 2 * 3, "the chains of the sentence that was taken are found again"

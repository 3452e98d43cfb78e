import json

import pytest

from synth.methods import get_method
from synth.methods.e2g import split, stands_in
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

E2G = get_method("e2g")
FACTS = ("Ann has 3 apples.", "Bob has 9 pears.", "Ann buys 14 more apples.", "The shop closes at 6.")
QUESTION = "How many apples has Ann?"
PROBLEM = Problem("math_word", "file", " ".join([*FACTS, QUESTION]), "17", "ann")
NEEDED = [FACTS[0], FACTS[2]]


def solver(text):
    """Adds up what is said of apples, and needs to be told both numbers: an answer without one of them is wrong."""
    return f"#### {sum(number for number in (3, 14) if f' {number} ' in text)}"


async def made(ledger, evidence, name, **params):
    def reply(request):
        if request.act == "quote":
            return json.dumps({"evidence": evidence, "answer": "17"})
        return solver(request.messages[-1]["content"])

    engine = Scripted(reply, name)
    rows, _ = await run(ledger, E2G, [PROBLEM], E2G.params(**params), teacher=engine)
    return rows[0], engine


async def test_the_answer_comes_from_the_quotes_alone(ledger):
    row, engine = await made(ledger, NEEDED, "t")
    assert row["notes"].refused is None and row["answer"] == "17" and row["attrs"]["grounded_frac"] == 1
    second = engine.requests[1].messages[-1]["content"]
    assert "Bob" not in second and "closes" not in second, "distractors are left out"
    assert all(fact in row["response"] for fact in NEEDED) and "Bob has" in row["messages"][-1]["content"]
    row, engine = await made(ledger, NEEDED, "t2", shows="both")
    assert "Bob" in engine.requests[1].messages[-1]["content"]


@pytest.mark.parametrize("left", NEEDED)
async def test_without_a_needed_quote_the_answer_is_wrong(ledger, left):
    row, _ = await made(ledger, [left], f"t {left}")
    assert row["answer"] != "17", "each is necessary"


@pytest.mark.parametrize("false", ["Ann eats 2 apples.", "Ann has 4 apples and a dog."])
async def test_a_quote_that_does_not_stand_there_refuses_the_row(ledger, false):
    row, _ = await made(ledger, [*NEEDED, false], f"t {false}")
    assert row["notes"].refused == "evidence_not_in_context" and row["attrs"]["grounded_frac"] < 0.9


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("ann HAS 3 apples", True),
        ("Ann has 3", True),
        ("Ann has 33 apples.", False),
        ("", False),
        ("The shop, it closes at 6.", True),
    ],
)
def test_when_a_quote_stands_in_a_context(quote, stands):
    assert stands_in(quote, " ".join(FACTS)) is stands


def test_context_and_question():
    assert split(PROBLEM.prompt) == (" ".join(FACTS), QUESTION) and split("What is 2 + 2?") == ("", "What is 2 + 2?")

import json
from itertools import count

import pytest
from pydantic import ValidationError

from synth.methods import get_method
from synth.methods.evol_instruct import WAYS, declines
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

EVOL = get_method("evol_instruct")
QUESTION = "Ann has 3 apples and buys 14 more. How many apples has she?"
PROBLEM = Problem("math_word", "file", QUESTION, "17", QUESTION)


NAMES = count()


def teacher(evolve, *, equal=lambda request: False, answer="#### 5"):
    """Evolves a question by a function of the question it is shown."""

    def reply(request):
        if request.act in ("depth", "breadth"):
            return evolve(request.inputs["question"], request)
        if request.act == "equal":
            return json.dumps({"reason": "r", "equal": equal(request)})
        return answer

    return Scripted(reply, f"teacher {next(NAMES)}")


def harder(question, request):
    return f"{question} Then she eats {question.count('Then') + 2}."


async def made(ledger, engine, problem=PROBLEM, **params):
    return (await run(ledger, EVOL, [problem], EVOL.params(samples=2, **params), teacher=engine))[0]


async def test_each_round_goes_on_from_the_one_before_and_each_question_is_a_row(ledger):
    rows = await made(ledger, teacher(harder))
    assert [row["attrs"]["round"] for row in rows] == [1, 2, 3, 4]
    for before, row in zip([QUESTION, *(row["attrs"]["question"] for row in rows)], rows, strict=False):
        assert row["attrs"]["evolved_from"] == before and row["attrs"]["question"].startswith(before)
        assert row["attrs"]["question"] in row["messages"][-1]["content"] and row["notes"].refused is None
        assert (row["notes"].question.gold, row["gold_source"], row["attrs"]["votes"]) == ("5", "vote", 1.0)
    assert {row["attrs"]["way"] for row in rows} <= set(WAYS)


async def test_what_is_eliminated_is_a_refused_row_and_the_next_round_starts_before_it(ledger):
    rows = await made(ledger, teacher(harder, equal=lambda request: "Then" in request.inputs["second"]), rounds=3)
    assert {(row["notes"].refused, row["attrs"]["evolved_from"]) for row in rows} == {("no_gain", QUESTION)}
    rows = await made(ledger, teacher(lambda question, request: question.upper()), rounds=1)
    assert rows[0]["notes"].refused == "same_question"
    rows = await made(
        ledger, teacher(lambda question, request: "Keep all that is given in it 3, and lengthen it."), rounds=1
    )
    assert rows[0]["notes"].refused in ("copied_prompt", "no_gain"), (
        "the prompt's own words, where that prompt was asked"
    )


async def test_an_apology_eliminates(ledger):
    problem = Problem("open_question", "chats", "Why is the sky blue?", "", "sky")
    (row,) = await made(
        ledger, teacher(lambda question, request: f"{question} And at dusk?", answer="Sorry, no."), problem, rounds=1
    )
    assert row["notes"].refused == "answer_declines"
    (row,) = await made(
        ledger,
        teacher(lambda question, request: f"{question} And on Mars?", answer="Light scatters."),
        problem,
        rounds=1,
    )
    assert row["notes"].refused is None and row["gold_source"] == "none" and row["response"] == "Light scatters."
    assert row["messages"][-1]["content"] == "Why is the sky blue? And on Mars?", "no form of an answer is asked for"
    check = get_task("open_question").check(problem, row["response"])
    assert check.outcome == "unverifiable" and get_task("open_question").check(problem, " ").outcome == "wrong"


@pytest.mark.parametrize(
    ("answer", "declined"),
    [
        ("", True),
        ("... !", True),
        ("it is", True),
        ("#### 5", False),
        ("I am sorry.", True),
        ("sorry " + "x " * 80, False),
    ],
)
def test_what_declines(answer, declined):
    assert declines(answer) is declined


def test_each_way_is_drawn_as_often(ledger):
    from storage.ids import seed_from

    counts = [0] * len(WAYS)
    for number in range(1200):
        counts[seed_from("way", str(number), 0, 0) % len(WAYS)] += 1
    assert sum((count - 200) ** 2 / 200 for count in counts) < 20.5, "chi square, 5 degrees of freedom, p = .001"
    with pytest.raises(ValidationError, match="did you mean 'breadth'"):
        EVOL.params(ways=("bredth",))

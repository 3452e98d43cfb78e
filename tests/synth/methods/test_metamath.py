import pytest

from synth.methods import get_method
from synth.methods.metamath import mask, numbers
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METAMATH = get_method("metamath")
QUESTION = "Ann has 3 apples and buys 14 more. How many apples has she?"
PROBLEM = Problem("math_word", "file", QUESTION, "17", QUESTION)
REWORDED = "Ann starts with 3 apples. She gets another 14. What is her number of apples?"
STATED = "Ann has 3 apples and buys 14 more, and so she has 17 apples."


def replies(reworded=REWORDED, stated=STATED):
    """A teacher that solves what it is asked, whatever was masked."""

    def answer(request):
        text = request.messages[-1]["content"]
        if request.act == "rephrase":
            return reworded
        if request.act == "declare":
            return stated
        value = 17 - (14 if "14" in text else 3) if "17" in text else 17
        return f"We work it out.\n#### {value}"

    return Scripted(answer)


async def made(ledger, engine, **params):
    return (await run(ledger, METAMATH, [PROBLEM], METAMATH.params(**params), teacher=engine))[0]


async def test_three_questions_are_made_of_one_and_the_row_asks_what_was_asked(ledger):
    engine = replies()
    rows = await made(ledger, engine)
    assert [(row["attrs"]["aug_type"], row["notes"].refused) for row in rows] == [
        ("rephrase", None), ("self_verification", None), ("fobar", None),
    ]  # fmt: skip
    rephrased, stated, backward = rows
    assert REWORDED in rephrased["messages"][-1]["content"] and rephrased["notes"].question.gold == "17"
    for row in (stated, backward):
        asked = row["messages"][-1]["content"]
        masked = row["notes"].question.gold
        assert (
            "x" in asked.split() and masked in ("3", "14") and not numbers(asked)[masked] and numbers(asked)["17"] == 1
        )
        check = get_task("math_word").check(Problem("math_word", "f", asked, masked, asked), row["response"])
        assert check.outcome == "correct", "the masked number is what solves it"
    assert (stated["notes"].question.source, backward["notes"].question.source) == ("model", "rule")
    solved = [request.messages[-1]["content"] for request in engine.requests if request.act == "solve"]
    assert solved == [row["messages"][-1]["content"] for row in rows], "asked and learned in the same words"
    assert not numbers(solved[0])["17"], "a reworded question does not give its answer away"
    assert {row["gold_source"] for row in rows} == {"model", "rule"}


@pytest.mark.parametrize(
    ("reworded", "fault"),
    [
        (REWORDED.replace("14", "15"), "numbers_changed"),
        (REWORDED + " She is 9.", "numbers_changed"),
        (QUESTION, "same_question"),
        ("", "no_question"),
    ],
)
async def test_what_is_no_rewording_is_refused_and_not_solved(ledger, reworded, fault):
    engine = replies(reworded=reworded)
    (row,) = await made(ledger, engine, kinds=("rephrase",))
    assert row["notes"].refused == fault and len(engine.requests) == 1


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ("Ann has 3 apples and buys 14 more.", "numbers_changed"),  # without its answer
        ("Ann has 3 apples and 17 in the end.", "numbers_changed"),
        ("Ann has 3 apples, buys 14 more, has 17. How many has she?", "no_statement"),
    ],
)
async def test_what_is_no_statement_is_refused(ledger, stated, fault):
    (row,) = await made(ledger, replies(stated=stated), kinds=("self_verification",))
    assert row["notes"].refused == fault


def test_what_may_be_masked():
    allowed = numbers("He pays 2,500 for 3 of 3 and 7.5 in 1990s or 1/2, then 40.")
    assert allowed == {"2500": 1, "3": 2, "7.5": 1, "40": 1}
    texts = {mask("He pays 2,500 for 3 of 3 and 7.5, then 40.", allowed, "40", seed).value for seed in range(20)}
    assert texts == {"2500", "7.5"}, "not what occurs twice, nor the answer"
    assert mask("Nothing here.", allowed, "1", 0) is None
    assert mask("It costs 2,500.", allowed, "1", 0).text == "It costs x."


async def test_a_question_with_nothing_to_mask_is_accounted_for(ledger):
    text = "Ann has some apples. How many?"
    problem = Problem("math_word", "file", text, "17", text)
    rows, _ = await run(ledger, METAMATH, [problem], METAMATH.params(kinds=("fobar",)), teacher=replies())
    assert [row["notes"].refused for row in rows] == ["no_number_to_mask"]

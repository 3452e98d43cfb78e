import pytest

from synth.methods import get_method
from synth.methods.self_instruct import read_list, rouge_l
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

SELF_INSTRUCT = get_method("self_instruct")
QUESTIONS = [
    "Old Marek polished 7 spoons before lunch; how many did he polish?",
    "If 11 travellers bring one lantern each, count the lanterns.",
    "A violin costs 300 crowns. What do two of them cost?",
    "Between 5 and 9 o'clock a tower rings hourly. How often is that?",
    "Nina halves 40 ropes. Pieces in the end?",
    "What is left of 12 barrels once 4 leak?",
    "Every kettle holds 3 litres: find the capacity of eight kettles.",
    "Ships drop 2 anchors at each stop, and stop six times. Total anchors dropped?",
]


@pytest.fixture
def problems():
    return list(open_source("arithmetic", {"tiers": [1]}).draw(8, seed=1, tier=1))


def teacher(items, answer="#### 5"):
    """Goes on with a list by a function of how many were shown and of the call's number."""
    calls = []

    def reply(request):
        if request.act != "go_on":
            return answer
        calls.append(request)
        first = len(request.inputs["questions"]) + 1
        return "\n".join(f"{first + n}. {text}" for n, text in enumerate(items(len(calls) - 1)))

    return Scripted(reply)


def fresh(number):
    return QUESTIONS[2 * number % 8 :][:2]


async def test_new_questions_are_kept_and_each_is_answered_once(ledger, problems):
    engine = teacher(fresh)
    params = SELF_INSTRUCT.params(samples=2, wanted=2, rounds=4, shown=4, own=2)
    rows, _ = await run(ledger, SELF_INSTRUCT, problems, params, teacher=engine)
    asked = [request for request in engine.requests if request.act == "go_on"]
    assert len(asked) == 4 and len(rows) == 8
    assert len({row["attrs"]["question"] for row in rows}) == len({row["problem_id"] for row in rows}) == 8
    assert {(row["notes"].question.gold, row["gold_source"], row["notes"].refused) for row in rows} == {
        ("5", "vote", None)
    }
    prompts = {problem.prompt for problem in problems}
    for number, request in enumerate(asked):
        shown = request.inputs["questions"]
        assert len(shown) == 4 and sum(text not in prompts for text in shown) == (2 if number else 0)


async def test_what_is_not_new_or_no_task_for_text_is_left_out_and_counted(ledger, problems):
    def items(number):
        return [
            problems[0].prompt,
            fresh(0)[0],
            fresh(0)[0].replace("lunch", "dinner today"),
            "Draw a map of 3 towns in the valley of Kell.",
        ]

    params = SELF_INSTRUCT.params(samples=2, rounds=1, wanted=4)
    rows, table = await run(ledger, SELF_INSTRUCT, problems[:4], params, teacher=teacher(items))
    assert [row["attrs"]["question"] for row in rows] == [fresh(0)[0]]
    assert all(any("self_instruct/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())


def test_rouge_l():
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    assert rouge_l(words, words) == 1 and rouge_l(words, ["z"]) == 0 == rouge_l([], words)
    assert rouge_l(words, words[:5]) == pytest.approx(2 * 5 / 15)
    assert rouge_l(list("abcde"), list("eabcd")) == pytest.approx(0.8), "in order, not in a row"


def test_lists_are_read_and_a_cut_item_is_not():
    text = "<think>\n1. no\n</think>\n9. How many **bees**?\n10) And how\nmany wasps?\n**11.** What is 3?"
    from synth.problems.steps import thoughts_end

    body = text[thoughts_end(text) :]
    assert read_list(body, whole=True) == ["How many **bees**?", "And how many wasps?", "What is 3?"]
    assert read_list(body, whole=False) == ["How many **bees**?", "And how many wasps?"]
    assert read_list("No list.", whole=True) == []

import json
from itertools import count

import pytest

from synth.methods import get_method
from synth.problems import get_task
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

DOCUMENTS = get_method("document_questions")
PASSAGE = (
    "The lighthouse of Kell was built in 1871 by Ada Brown. It is forty metres high, and its lamp turns nine times a minute. "
    "Since 1950 nobody lives in it, but a warden comes every Sunday."
)
PROBLEM = Problem("passage", "handbook", PASSAGE, "", PASSAGE, attrs={"document": "kell.md", "passage": 0})
GOOD = {
    "question": "Who built the lighthouse of Kell?",
    "evidence": "The lighthouse of Kell was built in 1871 by Ada Brown.",
    "answer": "Ada Brown",
}
NAMES = count()


def teacher(*answers, **written):
    numbers = count()

    def reply(request):
        if request.act == "write":
            return json.dumps(GOOD | written)
        return answers[next(numbers) % len(answers)]

    return Scripted(reply, f"teacher {next(NAMES)}")


async def made(ledger, engine, **params):
    params = DOCUMENTS.params(**{"questions": 1, **params})
    return (await run(ledger, DOCUMENTS, [PROBLEM], params, teacher=engine))[0]


ADA = "Ada Brown had it built.\n#### Ada Brown"


async def test_a_question_is_answered_by_vote_and_the_passage_is_nowhere_in_the_row(ledger):
    engine = teacher(ADA, ADA, ADA, "#### Bob Green")
    (row,) = await made(ledger, engine)
    assert row["notes"].refused is None and row["attrs"]["votes"] == 0.75
    assert (row["answer"], row["gold_source"]) == ("ada brown", "vote")
    learned = " ".join([*(message["content"] for message in row["messages"]), row["response"]])
    words = PASSAGE.split()
    assert not any(" ".join(words[n : n + 5]) in learned for n in range(len(words) - 4)), "learned by heart"
    assert all(PASSAGE in request.messages[-1]["content"] for request in engine.requests), "the teacher has read it"
    asked = Problem("math_word", "f", GOOD["question"], row["notes"].question.gold, "s")
    assert get_task("math_word").check(asked, row["response"]).outcome == "correct"
    (row,) = await made(ledger, teacher(ADA), learn="open")
    assert PASSAGE in row["messages"][-1]["content"] and row["notes"].refused is None


@pytest.mark.parametrize(
    ("written", "answers", "fault"),
    [
        ({"evidence": "It was built by Bob Green in 1920."}, [ADA], "evidence_not_in_passage"),
        ({"question": "Who built it according to the passage?"}, [ADA], "refers_to_passage"),
        ({}, ["According to the passage it was Ada.\n#### Ada Brown"], "refers_to_passage"),
        ({}, ["#### Ada Brown", "#### Bob"], "too_few_votes"),
        ({}, ["#### Bob Green"], "answer_not_in_passage"),
    ],
)
async def test_what_the_passage_does_not_say_is_refused(ledger, written, answers, fault):
    (row,) = await made(ledger, teacher(*answers, **written))
    assert row["notes"].refused == fault and (row["attrs"]["document"], row["attrs"]["passage"]) == ("kell.md", 0)


async def test_the_same_question_is_asked_once(ledger):
    rows = await made(ledger, teacher(ADA), questions=3)
    assert [row["notes"].refused for row in rows] == [None, "same_question", "same_question"]

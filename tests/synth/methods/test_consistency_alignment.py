import pytest

from synth.methods import get_method
from synth.methods.consistency_alignment import consistency_of, rewards_of
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

METHOD = get_method("consistency_alignment")
QUESTION = "Ann has 3 apples and buys 14 more. How many apples has she?"
PROBLEM = Problem("math_word", "file", QUESTION, "17", QUESTION)
GOOD = [
    "With 3 apples Ann buys 14 others. What is the number now?",
    "Ann, who has 3 apples, buys 14. How many has she then?",
]
BAD = ["Ann has 3 apples and buys 15 more. How many are they?", "Ann buys 14 apples. How many are there?"]


def rewording(*texts):
    asked = iter(texts)
    return Scripted(lambda request: next(asked) if request.act == "paraphrase" else "3 + 14 = 17\n#### 17", "t")


def sensitive(request):
    """Right, but for the wording that begins with `With`, on which it is right half of the time."""
    wrong = request.messages[-1]["content"].startswith("With") and request.seed % 2
    return "3 + 14 = 18\n#### 18" if wrong else "3 + 14 = 17\n#### 17"


async def made(ledger, *texts, student=sensitive, **params):
    engines = {"teacher": rewording(*texts), "student": Scripted(student, "s")}
    params = METHOD.params(paraphrases=len(texts), **params)
    rows, _ = await run(ledger, METHOD, [PROBLEM], params, **engines)
    return rows, engines


async def test_rewordings_with_other_numbers_are_all_found(ledger):
    rows, engines = await made(ledger, GOOD[0], BAD[0], GOOD[1], BAD[1], QUESTION, GOOD[0])
    sft = [row for row in rows if row["kind"] == "sft"]
    assert [row["notes"].refused for row in sft] == [
        None, "numbers_changed", None, "numbers_changed", "same_question", "same_question",
    ]  # fmt: skip
    assert {row["response"] for row in sft} == {"3 + 14 = 17\n#### 17"}, "the answer to the question itself"
    assert len(engines["student"].requests) == 2 * 4


async def test_the_student_is_preferred_where_it_agrees_with_itself(ledger):
    rows, _ = await made(ledger, *GOOD, samples=8)
    pairs = [row for row in rows if row["kind"] == "preference"]
    assert [row["attrs"]["paraphrase"] for row in pairs] == [GOOD[0]], "the wording that it is sensitive to"
    assert pairs[0]["response"].endswith("17") and pairs[0]["rejected"].endswith("18")
    assert pairs[0]["messages"][-1]["content"].startswith(GOOD[0]) and pairs[0]["attrs"]["rewards"] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("answers", "consistency", "largest"),
    [
        ([0, 0, 0, 0], 1.0, 1.0),
        ([0, 0, 1, 1], 0.3333, 0.5),
        ([0, 1, 2, 3], 0.0, 0.25),
        ([0, 0, None, None], 0.1667, 0.5),
    ],
)
def test_consistency_by_hand(answers, consistency, largest):
    assert consistency_of(answers) == {"consistency": consistency, "largest": largest}


def test_rewards_by_hand():
    assert rewards_of([0, 0, 1, None]) == [1.0, 1.0, 0.5, 0.0] and rewards_of([None]) == [0.0]

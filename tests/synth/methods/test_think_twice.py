from synth.methods import get_method
from synth.methods.think_twice import new_words
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

THINK_TWICE = get_method("think_twice")
SEEN = "Sally puts the ball into the basket. Sally leaves the room."
HIDDEN = "Anne moves the ball into the box."
STORY = f"{SEEN} {HIDDEN} Sally comes back. Where will Sally look for the ball?"
PROBLEM = Problem("math_word", "stories", STORY, "basket", STORY)


async def made(ledger, retold, name):
    """A reader who says the last place of the ball that it reads of: right only where what Sally missed is left out."""

    def reply(request):
        if request.act == "perspective":
            return retold
        text = request.messages[-1]["content"]
        return f"There.\n#### {'box' if 'box' in text else 'basket'}"

    engine = Scripted(reply, name)
    rows, _ = await run(ledger, THINK_TWICE, [PROBLEM], teacher=engine)
    return rows[0], engine


async def test_the_question_is_answered_by_what_the_person_knows(ledger):
    row, engine = await made(ledger, f"{SEEN} Sally comes back.", "t")
    assert (row["answer"], row["notes"].refused) == ("basket", None)
    assert "box" not in engine.requests[1].messages[-1]["content"] and HIDDEN in row["messages"][-1]["content"]
    assert row["attrs"]["kept"] < 1
    row, _ = await made(ledger, f"{SEEN} {HIDDEN} Sally comes back.", "t2")
    assert row["answer"] == "box", "with the whole story the reader errs, which the filter `answer` sees"


async def test_a_retelling_that_adds_is_refused(ledger):
    row, _ = await made(ledger, "Sally dreams of a golden basket under seven moons.", "t3")
    assert row["notes"].refused == "perspective_adds"
    row, _ = await made(ledger, "", "t4")
    assert row["notes"].refused == "no_perspective"
    assert new_words("a b c d", "a b") == 0.5 and new_words("", "a") == 0

from collections import Counter
from dataclasses import replace

from synth.methods import get_method
from synth.methods.orca import FOR_OPTIONS, MESSAGES
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_choosing import right

ORCA = get_method("orca")


async def test_the_row_has_the_system_message_that_the_teacher_was_given(ledger):
    problems = list(open_source("arithmetic", {"tiers": [1, 2]}).draw(90, seed=1))
    engine = Scripted(right)
    rows, _ = await run(ledger, ORCA, problems, teacher=engine)
    drawn = Counter(row["attrs"]["system_id"] for row in rows)
    assert len(MESSAGES) + len(FOR_OPTIONS) == 16 and set(drawn) == set(range(len(MESSAGES))), (
        "those for options are not drawn"
    )
    asked = {request.problem.id: request.messages for request in engine.requests}
    for row in rows:
        systems = [message["content"] for message in row["messages"] if message["role"] == "system"]
        assert systems == ([row["attrs"]["system"]] if row["attrs"]["system"] else [])
        assert [dict(message) for message in asked[row["problem_id"]]] == [dict(message) for message in row["messages"]]


async def test_questions_with_options_draw_from_all(ledger):
    first = open_source("arithmetic", {}).draw(1, seed=1)[0]
    problems = [
        replace(first, task="math_word", attrs={"options": ["1", "2"]}, gold="1", prompt=f"{first.prompt} {number}")
        for number in range(80)
    ]
    rows, _ = await run(ledger, ORCA, problems, teacher=Scripted(lambda _: "#### 1"))
    assert {row["attrs"]["system_id"] for row in rows} == set(range(16))

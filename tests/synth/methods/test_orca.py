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
        kept = [{name: value for name, value in message.items() if value is not None} for message in row["messages"]]
        assert [dict(message) for message in asked[row["problem_id"]]] == kept


async def test_questions_with_options_draw_from_all(ledger):
    first = open_source("arithmetic", {}).draw(1, seed=1)[0]
    problems = [
        replace(first, task="math_word", attrs={"options": ["1", "2"]}, gold="1", prompt=f"{first.prompt} {number}")
        for number in range(80)
    ]
    rows, _ = await run(ledger, ORCA, problems, teacher=Scripted(lambda _: "#### 1"))
    assert {row["attrs"]["system_id"] for row in rows} == set(range(16))


async def test_a_second_teacher_answers_a_share_of_the_problems_by_the_same_message(ledger):
    problems = list(open_source("arithmetic", {"tiers": [1, 2]}).draw(120, seed=1))
    engines = {"teacher": Scripted(right, "first"), "stronger": Scripted(right, "second")}
    params = ORCA.params(second_teacher="stronger", share=0.25)
    rows, _ = await run(ledger, ORCA, problems, params, **engines)
    tiers = Counter((row["attrs"]["teacher_tier"], row["models"][0]) for row in rows)
    assert set(tiers) == {(1, "first"), (2, "second")} and tiers[1, "first"] == 120
    assert 15 <= tiers[2, "second"] <= 45, "30 expected, within three standard deviations"
    first = {row["problem_id"]: row["messages"] for row in rows if row["attrs"]["teacher_tier"] == 1}
    assert all(row["messages"] == first[row["problem_id"]] for row in rows)
    assert ORCA.calls(params) == {"teacher": 1, "stronger": 1} and ORCA.calls(ORCA.params()) == {"teacher": 1}

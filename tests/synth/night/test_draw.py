"""Attempts: planned, written to the lake as rows, found again."""

from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.night.draw import Assignment, find_attempts, plan_attempts
from synth.night.runner import attempt_id, run_attempts
from tests.synth.conftest import Scripted

NIGHT = "2026-01-01/test"


def assignment(**more):
    cot = get_method("cot")
    return Assignment(cot, cot.params(), None, None, 1, **more)


def test_two_entries_that_differ_only_in_their_prompts_make_attempts_of_their_own(problems):
    entries = [assignment(), assignment(prompts={"solve": "mine.jinja"}), assignment()]
    planned = plan_attempts(entries, {"arithmetic": problems}, night=NIGHT, shard=4)
    assert len(planned) == 2 * len(problems)
    assert find_attempts(entries, problems, [attempt.row("planned") for attempt in planned]) == planned
    for problem in problems:
        ids = {attempt.id for attempt in planned if attempt.problem == problem}
        assert attempt_id(NIGHT, "cot", entries[0].params, problem, 0) in ids, "an entry without any keeps its ids"


async def test_each_entry_asks_with_its_own_prompt_and_its_rows_say_so(problems, ledger, tmp_path):
    (tmp_path / "mine.jinja").write_text("Be quick. {{ problem.prompt }}")
    entries = [assignment(), assignment(prompts={"solve": "mine.jinja"})]
    prompts = Prompts(path=lambda name: tmp_path / name)
    engine = Scripted(lambda request: "#### 1")
    asker = Asker(ledger, {"teacher": engine}, prompts, night=NIGHT)
    finished = await run_attempts(plan_attempts(entries, {"a": problems[:1]}, night=NIGHT, shard=9), asker)
    first, second = finished.samples.to_pylist()
    assert second["messages"][0]["content"] == f"Be quick. {problems[0].prompt}" != first["messages"][0]["content"]
    assert first["prompts"] == [prompts["solve"].digest] and second["prompts"] != first["prompts"]
    assert second["prompts"][0].startswith("solve@")

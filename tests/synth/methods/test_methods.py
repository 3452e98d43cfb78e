import json
from dataclasses import replace

import pytest

from storage.errors import RecipeError
from synth.calls.ask import Reply
from synth.engines.base import RequestRefused
from synth.methods import get_method, methods
from synth.methods.base import together, whole
from synth.night.runner import run_attempts
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.night.test_runner import attempts


def test_the_four_kinds_are_there():
    assert {"cot", "tutorship", "knights_knaves", "critique", "gold"} <= set(methods())
    for item in methods().values():
        assert item.summary and item.paper and item.makes


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'tutorship'"):
        get_method("tutership")


async def test_cot_votes_and_counts(make_asker, problems):
    gold = problems[0].gold
    student = Scripted(lambda request: f"#### {gold if request.seed % 2 else int(gold) + 1}")
    asker = make_asker()
    asker.engines = {"teacher": student}
    params = get_method("cot").params(samples=8)
    finished = await run_attempts(attempts(get_method("cot"), problems[:1], params), asker)
    rows = [json.loads(row["attrs"]) for row in finished.samples.to_pylist()]
    right = sum(request.seed % 2 for request in student.requests)
    assert len(rows) == 8 and {row["pass_rate"] for row in rows} == {right / 8}
    assert {row["vote"] for row in rows} == {gold if right > 4 else str(int(gold) + 1)} or right == 4


async def test_knights_and_knaves_keeps_wrong_chains_and_says_so(make_asker):
    puzzles = list(open_source("knights_knaves", {"people": [3]}).draw(4, seed=1, tier=3))
    chosen = get_method("knights_knaves")
    by_rule = await run_attempts(attempts(chosen, puzzles), make_asker())
    assert all(json.loads(row["attrs"])["teacher_correct"] for row in by_rule.samples.to_pylist())
    asker = make_asker()
    asker.engines = {"teacher": Scripted(lambda request: "No idea.")}
    wrong = await run_attempts(attempts(chosen, puzzles), asker)
    assert [json.loads(row["attrs"])["teacher_correct"] for row in wrong.samples.to_pylist()] == [False] * 4
    assert chosen.observes(chosen.params()) == {"answer"} and not chosen.observes(chosen.params(filter="correct"))


async def test_gold_is_passed_on_as_such(make_asker):
    problem = list(open_source("arithmetic", {"tiers": [1]}).draw(1, seed=3, tier=1))
    finished = await run_attempts(attempts(get_method("gold"), problem), make_asker())
    for row in finished.samples.to_pylist():
        assert row["origin"] == "gold" and row["parents"] == [] and row["models"] == []


async def test_a_critique_says_what_the_labels_say(make_asker, problems):
    student = Scripted(
        lambda request: "\n".join(
            [*get_task("arithmetic").solve(request.problem).splitlines()[:-1], "1 + 1 = 3", "#### 3"]
        )
    )
    finished = await run_attempts(attempts(get_method("critique"), problems), make_asker(student))
    for row in finished.samples.to_pylist():
        attrs = json.loads(row["attrs"])
        assert (
            row["kind"] == "stepwise"
            and row["labels"][-1] is False
            and json.loads(row["notes"])["judgement"]["agrees"] is True
        )
        assert attrs["first_error_step"] == len(row["steps"])


async def test_the_first_failure_of_several_calls_is_the_failure():
    import asyncio

    given_up = []

    async def call(name, seconds, error=None):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            given_up.append(name)
            raise
        if error:
            raise error
        return name

    assert await together([call("slow", 0.02), call("quick", 0)]) == ["slow", "quick"]
    with pytest.raises(RequestRefused, match="too long"):
        await together([call("slow", 5), call("bad", 0, RequestRefused("prompt_too_long", "too long"))])
    assert given_up == ["slow"]


def test_thoughts_that_a_server_keeps_apart_are_taught():
    reply = Reply("#### 5", "key", "model", True, False, 9, reasoning=" 2 + 3 = 5\n")
    assert whole(reply) == "<think>\n2 + 3 = 5\n</think>\n\n#### 5"
    assert whole(replace(reply, reasoning="")) == "#### 5"


@pytest.mark.parametrize(
    ("form", "refused", "right"),
    [
        ("Suppose so.\n\n#### {0}, {1}, {2}", None, True),
        ("Suppose so.\n\n#### {0}\n#### {1}\n#### {2}", None, True),
        ("Suppose so.\n\n**Answer:** {0}\n**Answer:** {1}\n**Answer:** {2}", None, True),
        ("#### {0}, {1}, {2}", "no_chain", True),
        ("<answer>{0}, {1}, {2}</answer>", "no_chain", True),
        ("Suppose so.\n\n#### {0}", "no_answer", False),
        ("I cannot say.", "no_answer", False),
    ],
)
async def test_a_puzzles_chain_has_steps_and_an_answer_that_is_read_whole(ledger, form, refused, right):
    puzzle = open_source("knights_knaves", {"people": [3]}).draw(1, seed=1, tier=3)[0]
    text = form.format(*puzzle.gold.split(", "))
    rows, _ = await run(ledger, get_method("knights_knaves"), [puzzle], teacher=Scripted(lambda request: text))
    assert (rows[0]["notes"].refused, rows[0]["attrs"]["teacher_correct"]) == (refused, right)

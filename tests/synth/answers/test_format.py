"""One form of final answers per recipe: in the prompts, in solutions by rule, and read back by the judge."""

import pytest

from synth.answers.format import FORMATS, asked_formats
from synth.answers.outcome import Outcome
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.problems import get_task, open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

PROBLEM = open_source("arithmetic", {"tiers": [2]}).draw(1, seed=1, tier=2)[0]
INPUTS = {
    "problem": PROBLEM, "steps": ["a"], "attempt": "x", "solution": "s", "count": 2, "first_error_step": 1, "why": "w",
    "principle": "p", "critique": "c", "answer": "5", "answer_right": None, "others": (), "earlier": (),
    "labels": [True], "final_right": True,
}  # fmt: skip
ASKING = [
    "solve", "tutorship/retry", "tutorship/correct", "constitutional/principle_revision",
    "response_diversification/diversify",
]  # fmt: skip


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("form", ["hash", "boxed", "phrase", "tags", "code", "own"])
def test_a_prompt_asks_for_one_form_only(name, form):
    text = Prompts(form=FORMATS[form]).text(name, INPUTS)
    seen = {"hash": "#### " in text, "boxed": "\\boxed{" in text, "phrase": "The answer is" in text}
    seen |= {"tags": "<answer>" in text, "code": "fenced block" in text}
    assert {other for other, there in seen.items() if there} == ({form} if form != "own" else set())
    assert asked_formats([text]) == ({form} if form != "own" else set())


def test_a_method_has_no_form_of_its_own_in_its_prompts():
    for name in Prompts().digests:
        source = Prompts()[name].source
        assert "####" not in source and "\\boxed" not in source, name


@pytest.mark.parametrize("form", ["hash", "boxed", "phrase", "tags"])
async def test_a_solution_by_rule_has_the_recipes_form_and_the_judge_reads_it(ledger, form):
    from synth.engines.solver import Solver

    rows, _ = await run(ledger, get_method("cot"), [PROBLEM], teacher=Solver(), form=FORMATS[form])
    gold, _ = await run(ledger, get_method("gold"), [PROBLEM], form=FORMATS[form])
    for row in (*rows, *gold):
        assert row["response"].splitlines()[-1] == FORMATS[form].write(PROBLEM.gold)
        assert get_task("arithmetic").check(PROBLEM, row["response"]).outcome is Outcome.CORRECT


def test_other_text_stays_as_it_is():
    text = "First #### no\n#### 6\nafter"
    assert FORMATS["boxed"].rewrite(text) == "First #### no\n\\boxed{6}\nafter"
    assert FORMATS["hash"].rewrite(text) == FORMATS["own"].rewrite(text) == text


def test_no_form_has_a_placeholder_that_a_model_can_copy():
    for form in FORMATS.values():
        assert not set("<>[]") & set(form.ending.replace("<answer> and </answer>", ""))


async def test_a_tasks_own_form_wins_over_the_recipes(ledger, monkeypatch):
    from synth.engines.solver import Solver
    from synth.problems import answer_format_of

    monkeypatch.setattr(get_task("arithmetic"), "answer_format", "phrase", raising=False)
    answer_format_of.cache_clear()
    try:
        rows, _ = await run(ledger, get_method("cot"), [PROBLEM], teacher=Solver(), form=FORMATS["boxed"])
    finally:
        answer_format_of.cache_clear()
    assert asked_formats([rows[0]["messages"][0]["content"]]) == {"phrase"}
    assert rows[0]["response"].splitlines()[-1] == f"The answer is {PROBLEM.gold}."


@pytest.mark.parametrize("name", ["response_diversification", "query_expansion"])
async def test_a_known_solution_enters_a_prompt_in_the_recipes_form(ledger, name):
    asked = []

    def reply(request):
        asked.append(request.messages[-1]["content"])
        return "nothing"

    await run(ledger, get_method(name), [PROBLEM], teacher=Scripted(reply), form=FORMATS["boxed"])
    assert "####" not in asked[0] and f"\\boxed{{{PROBLEM.gold}}}" in asked[0]

import json
import re

import pytest

from synth.methods import get_method
from synth.methods.erasing import leaks
from synth.methods.mixture_of_prompts import PLAIN
from synth.problems.base import Problem
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_auto_cot import FAMILIES, families, family_of

MIXTURE = get_method("mixture_of_prompts")
SECRET = [f"Always think of the colour number {n} before you count anything at all." for n in range(4)]
"""What helps with each family, and with no other."""


def problems():
    return [
        Problem("math_word", "test", one.prompt, re.findall(r"\d+", one.prompt)[0], one.prompt) for one in families()
    ]


def solver(request):
    """Solves a problem of a family with the instruction of that family, and the first two of each without any."""
    if request.act == "instruct":
        family = family_of(request.inputs["demonstrations"][0].question)
        return json.dumps({"instruction": SECRET[family] if request.seed % 2 else SECRET[(family + 1) % 4]})
    text, problem = request.messages[-1]["content"], request.problem
    helped = SECRET[family_of(problem.prompt)] in text
    easy = int(problem.gold) % 2 == 0
    return f"We count.\n#### {problem.gold if helped or (easy and request.act == 'solve') else 0}"


@pytest.fixture
async def made(ledger):
    engine = Scripted(solver)
    params = MIXTURE.params(instructions=6)
    rows, table = await run(ledger, MIXTURE, problems(), params, teacher=engine)
    return rows, table, engine


async def test_each_region_gets_the_instruction_that_helps_there(made):
    rows, table, engine = made
    for row in rows:
        family = next(n for n, text in enumerate(FAMILIES) if row["messages"][-1]["content"].startswith(text[:7]))
        asked = [one for one in engine.requests if one.act == "expert" and one.problem.id == row["problem_id"]]
        final = {one.messages[-1]["content"] for one in asked if one.inputs["instruction"] == SECRET[family]}
        assert final and row["answer"] == row["response"].rpartition(" ")[2] != "0"
    assert len({(row["attrs"]["expert"]) for row in rows}) == 4
    assert all(any("mixture_of_prompts/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())


async def test_the_prompt_is_erased_from_the_row_and_nothing_demonstrates_itself(made):
    rows, _, engine = made
    for row in rows:
        texts = [*(message["content"] for message in row["messages"]), row["response"]]
        assert not any(leaks(secret, texts) for secret in SECRET) and row["notes"].refused is None
        assert row["problem_id"] not in row["attrs"]["demonstrations"]
    for request in engine.requests:
        if request.act == "expert":
            assert request.problem.prompt not in [shown.question for shown in request.inputs["demonstrations"]]


async def test_where_no_instruction_helps_the_plain_one_stays(ledger):
    def deaf(request):
        if request.act == "instruct":
            return json.dumps({"instruction": "Be as careful as you can be with all of it."})
        return f"We count.\n#### {request.problem.gold}"

    rows, _ = await run(
        ledger, MIXTURE, problems()[:6], MIXTURE.params(experts=1, learn="shown"), teacher=Scripted(deaf)
    )
    assert all(PLAIN in row["messages"][-1]["content"] for row in rows), "of equals the shorter"

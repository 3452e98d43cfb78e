import json

import pytest
from pydantic import ValidationError

from storage.errors import RecipeError
from synth.calls.ask import Asker
from synth.calls.prompting import Prompts
from synth.methods import get_method
from synth.night.runner import run_attempts
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import read, run
from tests.synth.night.test_runner import NIGHT, attempts

CANDIDATES = get_method("candidates")


def teacher():
    """Wrong, right and long, right and short, by the number of the sample."""
    asked = []

    def answer(request):
        asked.append(request.seed)
        right = f"#### {request.problem.gold}"
        return ["#### -7", f"First we think about it.\n{right}", right][(len(asked) - 1) % 3]

    return Scripted(answer)


@pytest.mark.parametrize(("chooser", "chosen"), [("first_right", 1), ("shortest_right", 2)])
async def test_one_is_taken_and_the_others_are_rows_that_say_so(ledger, problems, chooser, chosen):
    params = CANDIDATES.params(samples=3, chooser=chooser, scorers=("length",))
    asker = Asker(ledger, {"teacher": teacher()}, Prompts(), night=NIGHT)
    finished = await run_attempts(attempts(CANDIDATES, problems[:1], params), asker)
    rows = read(finished.samples)
    assert [row["notes"].refused for row in rows] == ["not_chosen" if n != chosen else None for n in range(3)]
    values = {(row["subject_id"], row["name"]): row["value"] for row in finished.evidence.to_pylist()}
    assert [values[row["sample_id"], "answer"] for row in rows] == [0.0, 1.0, 1.0]
    assert values[rows[1]["sample_id"], "length"] > values[rows[2]["sample_id"], "length"] and len(values) == 6
    assert {(row["kind"], row["subject"], row["night"]) for row in finished.evidence.to_pylist()} == {
        ("score", "sample", NIGHT)
    }
    assert len({row["parents"][-1] for row in rows}) == 3, "each names its own call"


async def test_where_none_is_right_none_is_taken(ledger, problems):
    rows, _ = await run(ledger, CANDIDATES, problems[:2], teacher=Scripted(lambda request: "#### -7"))
    assert len(rows) == 8 and {row["notes"].refused for row in rows} == {"not_chosen"}


async def test_the_answers_are_those_that_other_methods_ask_for_too(ledger, problems):
    """Sample numbers come from the call site: k candidates are the k solutions of `cot`, found in the ledger."""
    engine = Scripted(lambda request: f"#### {request.problem.gold}")
    await run(ledger, get_method("cot"), problems[:1], get_method("cot").params(samples=4), teacher=engine)
    rows, _ = await run(ledger, CANDIDATES, problems[:1], teacher=engine)
    assert len(engine.requests) == 4 and len(rows) == 4 and json.loads(json.dumps(rows[0]["attrs"]))["candidates"] == 4


@pytest.mark.parametrize("params", [{"chooser": "best"}, {"scorers": ["lenght"]}])
def test_an_unknown_part_is_refused_before_anything_is_asked(params):
    with pytest.raises((ValidationError, RecipeError), match=r"unknown (chooser|scorer)"):
        CANDIDATES.params(**params)

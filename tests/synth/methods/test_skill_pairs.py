import json
from collections import Counter

import pytest

from synth.methods import get_method
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

PAIRS = get_method("skill_pairs")
SKILLS = (
    "1. Rates",
    "adding numbers",
    "RATE.",
    "number adding",
    "percent of a whole",
    "a name that goes on and on and on",
)


@pytest.fixture(scope="module")
def problems():
    return list(open_source("arithmetic", {"tiers": [2]}).draw(12, seed=3, tier=2))


def writer(problems, **judged):
    """Names a skill for each problem in turn; its questions have one answer, and two of three solutions agree on it."""
    place = {problem.id: number for number, problem in enumerate(problems)}

    def answer(request):
        if request.act == "name":
            skill = SKILLS[place[request.problem.id] % len(SKILLS)]
            return json.dumps({"skills": [skill.removeprefix("1. ")]})
        if request.act == "write":
            return f"Case {sum(map(ord, request.messages[-1]['content']))}: {len(request.inputs['skills'])} taps. How many?"
        if request.act == "judge":
            return json.dumps({"reason": "r", "both": True, "answerable": True} | judged)
        return f"#### {5 if request.seed % 3 else 6}"

    return Scripted(answer, "t")


async def test_pairs_of_skills_that_no_problem_takes_together(ledger, problems):
    engine = writer(problems)
    rows, table = await run(ledger, PAIRS, problems, PAIRS.params(samples=8), teacher=engine)
    pairs = Counter(tuple(row["attrs"]["skills"]) for row in rows)
    assert {name for pair in pairs for name in pair} <= {
        "Rates",
        "RATE",
        "adding numbers",
        "number adding",
        "percent of a whole",
    }
    assert len(pairs) == 3 and set(pairs.values()) == {4}, (
        "three skills under five names, each pair as often as the others"
    )
    for request in (one for one in engine.requests if one.act == "write"):
        names, examples = zip(*request.inputs["skills"], strict=True)
        assert len(set(examples)) == 2 and all(text in request.messages[-1]["content"] for text in (*names, *examples))
    good = [row for row in rows if row["notes"].refused is None]
    assert good and {row["answer"] for row in good} == {"5"} and {row["gold_source"] for row in good} == {"vote"}
    assert all(row["attrs"]["question"] in row["messages"][-1]["content"] for row in rows)
    assert all(any("skill_pairs/artefact@" in name for name in row["prompts"]) for row in table.to_pylist())


@pytest.mark.parametrize(
    ("judged", "reason"),
    [
        ({"both": False}, "one_skill_does"),
        ({"answerable": False}, "not_answerable"),
        ({"more": 1}, "unreadable_judgement"),
    ],
)
async def test_questions_that_one_skill_answers_or_none_are_refused(ledger, problems, judged, reason):
    engine = writer(problems, **judged)
    rows, _ = await run(ledger, PAIRS, problems[:6], teacher=engine)
    assert {row["notes"].refused for row in rows} == {reason}
    assert "solve" not in {request.act for request in engine.requests}, "nothing is solved in vain"

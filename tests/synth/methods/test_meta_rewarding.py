import json
import random

import pytest

from synth.methods import get_method
from synth.methods.meta_rewarding import elo
from synth.problems import open_source
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run
from tests.synth.methods.test_candidates import half_right

META = get_method("meta_rewarding")


@pytest.fixture(scope="module")
def many():
    return list(open_source("arithmetic", {"tiers": [2]}).draw(40, seed=5, tier=2))


def noisy(request):
    """Points near 4 for a right answer and near 2 for a wrong one; of two judgements it names the one nearer to these."""
    if request.act == "additive":
        right = "#### -7" not in request.inputs["answer"]
        return json.dumps({"reason": "r", "score": (4 if right else 1) + random.Random(request.seed).randint(-1, 1)})
    aim = 5 if "#### -7" not in request.inputs["answer"] else 0
    first, second = (json.loads(request.inputs[name])["score"] for name in ("first", "second"))
    return json.dumps({"reason": "r", "better": "A" if abs(first - aim) <= abs(second - aim) else "B"})


async def made(ledger, problems, grader=noisy, **params):
    params = META.params(**{"samples": 4, "judgements": 4, **params})
    engines = {"student": Scripted(half_right, "same"), "grader": Scripted(grader, "same")}
    rows, _ = await run(ledger, META, problems, params, **engines)
    return rows, engines


async def test_answers_and_judgements_are_pairs(ledger, many):
    rows, engines = await made(ledger, many)
    actors = [row for row in rows if row["kind"] == "preference" and row["attrs"].get("set") != "judge"]
    judges = [row for row in rows if row["attrs"].get("set") == "judge"]
    assert len(actors) > 20 and len(judges) > 20
    wrong = sum("#### -7" in row["response"] for row in actors)
    assert wrong < 0.2 * len(actors) and all(row["attrs"]["own_family"] for row in actors)
    for row in judges:
        assert json.loads(row["response"])["score"] != json.loads(row["rejected"])["score"]
        assert row["notes"].judgement.agrees is True and row["attrs"]["elo"][0] is not None
        assert "0 to 5" in row["messages"][-1]["content"]
    asked = [request for request in engines["grader"].requests if request.act == "meta"]
    assert {request.inputs["first"] == request.inputs["second"] for request in asked} <= {True, False} and asked


async def test_a_judge_that_always_names_the_first_makes_no_pair_of_judgements(ledger, many):
    def first(request):
        return noisy(request) if request.act == "additive" else json.dumps({"reason": "r", "better": "A"})

    rows, _ = await made(ledger, many, first)
    assert not [row for row in rows if row["attrs"].get("set") == "judge"]


async def test_the_control_asks_no_judge_in_the_attempts(ledger, many):
    rows, engines = await made(ledger, many[:6], control=True)
    assert engines["grader"].requests == [] and {row["kind"] for row in rows} == {"preference", "sft"}


def test_elo_recovers_a_planted_order_and_a_place_that_wins_by_itself_is_weighed_out():
    """Judgements of strength 0 to 4; the first place wins a pair that is one apart, whichever it is."""
    firsts = {(i, j): i > j or j - i == 1 for i in range(5) for j in range(5) if i != j}
    ratings = elo(5, firsts)
    assert ratings == sorted(ratings) and ratings[4] - ratings[0] > 100
    assert sum(ratings) == pytest.approx(5000)
    flat = elo(4, {(i, j): True for i in range(4) for j in range(4) if i != j})
    assert max(flat) - min(flat) < 1e-6

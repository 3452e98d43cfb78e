import json
from pathlib import Path

import pytest

from filters import get_filter
from filters.asking.verifier import tells_apart
from filters.questions import Evidence
from flows.recipe.recipe import make_recipe
from storage.errors import RecipeError
from synth.engines.base import Answer, RequestRefused
from tests.filters.asking.asking import NIGHT, ask, evidence, make_night
from tests.filters.helpers import context, details, outcomes, row, table, word_problem

PROBLEM = word_problem()
HERE = Path(__file__).parent


class Scorer:
    """A verifier that takes answers of 38 for right, and refuses what is long."""

    reads_problem, scores_chats, concurrency, model = False, True, 8, "verifier@1"

    def __init__(self):
        self.asked = []

    async def answer(self, request):
        question, text = (message["content"] for message in request.messages)
        self.asked.append((question, text))
        if text == "long":
            raise RequestRefused("too_long", "too long")
        assert request.scores and question
        return Answer(json.dumps({"score": 0.9 if "38" in text else 0.2}), "stop", 5)

    async def close(self):
        return


def test_rows_that_stand_and_some_wrong_ones_are_scored_once(workspace):
    rows = [
        row("right", PROBLEM, "#### 38", night=NIGHT), row("other", PROBLEM, "#### 4", night=NIGHT),
        row("wrong", PROBLEM, "#### 5", night=NIGHT), row("bad", PROBLEM, "rejected before", night=NIGHT),
        row("long", PROBLEM, "long", night=NIGHT), row("steps", PROBLEM, "e", night=NIGHT, kind="stepwise", steps=["c"]),
    ]  # fmt: skip
    engine = Scorer()
    with make_night(workspace, PROBLEM, rows, {"right": "pass", "wrong": "fail"}) as lake:
        standing = {"right", "other", "long", "steps"}
        assert ask(lake, "verifier", {"role": "grader"}, engine, standing, PROBLEM) == 4
        assert sorted(text for _, text in engine.asked) == ["#### 38", "#### 4", "#### 5", "long"]
        kept = {name: by_name["score"] for name, by_name in evidence(lake, "verifier").items()}
    assert {name: item.value for name, item in kept.items()} == {"right": 0.9, "other": 0.2, "wrong": 0.2, "long": None}
    assert kept["long"].text == "too_long" and kept["right"].model == "verifier@1"


SCORES = {**{f"r{n}": 0.9 for n in range(4)}, **{f"w{n}": 0.15 for n in range(4)}, "new": 0.18, "high": 0.92}
ITEMS = {name: {"score": Evidence(score, None, "v")} for name, score in SCORES.items()}
ITEMS["none"] = {"score": Evidence(None, "too_long", None)}
CORRECT = {**{f"r{n}": True for n in range(4)}, **{f"w{n}": n == 0 for n in range(4)}}
ROWS = table(*(row(name, PROBLEM, "text") for name in ("new", "high", "none", "not asked")))


def verdicts(options, correct=CORRECT):
    return get_filter("verifier", options)(ROWS, context(PROBLEM, evidence={"verifier": ITEMS}, correct=correct))


def test_without_a_limit_it_observes_and_shows_how_often_such_scores_were_right():
    observed = verdicts({"role": "v"})
    assert set(outcomes(observed).values()) == {("pass", None)}
    shown = details(observed)
    assert shown["new"] == {
        "score": 0.18, "right_of_bin": 0.25, "known_in_bin": 4, "may_reject": False, "model": "v"
    }  # fmt: skip
    assert (
        shown["high"]["right_of_bin"] == 1.0 and shown["none"] == {"not_scored": "too_long"} and not shown["not asked"]
    )
    assert not any(details(verdicts({})).values()), "off unless a role is named"


def test_it_rejects_only_where_it_can_tell_tonights_rows_apart():
    limit = {"role": "v", "least": 0.5, "least_known": 4}
    rejected = outcomes(verdicts(limit))
    assert rejected["new"] == ("fail", "low_score") and rejected["high"] == ("pass", None)
    assert rejected["none"] == ("unknown", "too_long")
    assert outcomes(verdicts({**limit, "least_known": 5}))["new"] == ("pass", None), "too few are known"
    upside_down = {name: not right for name, right in CORRECT.items()}
    assert outcomes(verdicts(limit, upside_down))["new"] == ("pass", None), "low scores are right more often"
    assert not tells_apart([(0.1, True), (0.9, True)], 0.5, 1)


def test_the_role_must_be_a_verifier_and_a_verifier_serves_no_other_filter():
    def recipe(engine, name):
        return {
            "name": "r", "dataset": "d", "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]},
            "methods": [{"method": "gold"}], "models": {"judge": engine}, "filters": {name: {"role": "judge"}},
        }  # fmt: skip

    served = {"engine": "verifier", "checkpoint": "verifier"}
    made = make_recipe(recipe(served, "verifier"), folder=HERE)
    assert made.filters["verifier"]["role"] == "judge"
    vllm = {"engine": "vllm", "endpoint": "http://127.0.0.1:1", "name": "m", "revision": "1"}
    with pytest.raises(RecipeError, match=r"models.judge must have the engine verifier"):
        make_recipe(recipe(vllm, "verifier"), folder=HERE)
    with pytest.raises(RecipeError, match=r"take another than the engine verifier"):
        make_recipe(recipe(served, "rubric"), folder=HERE)

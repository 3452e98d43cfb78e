"""Filters that ask, whichever: once per night, killed or not; what they are refused is evidence too."""

import pytest

from storage.errors import LakeError, ModelServerError, RecipeError
from storage.lake.evidence import store_evidence
from synth.calls.ask import Budget
from tests.filters.asking.asking import NIGHT, Grader, ask, evidence, make_night
from tests.filters.helpers import row, word_problem

pytestmark = pytest.mark.slow

PROBLEM = word_problem()
ROWS = ["good", "odd", "long"]


@pytest.fixture
def lake(workspace):
    rows = [row(name, PROBLEM, f"{name} #### 38", night=NIGHT) for name in ROWS]
    with make_night(workspace, PROBLEM, rows) as opened:
        yield opened


def put(lake, name, engine, role="grader", **more):
    return ask(lake, name, {"role": role}, engine, set(ROWS), PROBLEM, **more)


@pytest.mark.parametrize("name", ["rubric", "perplexity"])
def test_a_night_killed_before_its_commit_asks_nothing_again(lake, name, monkeypatch):
    first, again = Grader(), Grader()
    with monkeypatch.context() as patch, pytest.raises(LakeError, match="killed"):
        patch.setattr(lake, "commit", _die)
        put(lake, name, first)
    assert len(first.asked) >= 3 and evidence(lake, name) == {}
    assert put(lake, name, again) == 3
    assert again.asked and all("long" in text for text in again.asked), "refusals are no answers"
    assert put(lake, name, Grader(0)) == 0, "once per night"


def _die(*_, **__):
    raise LakeError("killed")


@pytest.mark.parametrize("name", ["rubric", "perplexity"])
def test_a_model_that_cannot_be_reached_stops_the_night_with_its_own_words(lake, name):
    with pytest.raises(ModelServerError, match="away"):
        put(lake, name, Grader(1))
    assert evidence(lake, name) == {}


def test_what_the_budget_has_no_room_for_is_told(lake):
    put(lake, "rubric", Grader(), budget=Budget(calls=2))
    reasons = [item.text for by_aspect in evidence(lake, "rubric").values() for item in by_aspect.values()]
    assert reasons.count("budget") >= 2


@pytest.mark.parametrize("name", ["rubric", "perplexity"])
def test_a_role_that_the_recipe_does_not_name(lake, name):
    with pytest.raises(RecipeError, match=rf"filters.{name}.role.*did you mean 'grader'"):
        put(lake, name, Grader(), role="gradr")


def test_evidence_about_what_no_takedown_finds_is_refused(lake):
    row_ = {"subject": "samples", "subject_id": "good", "name": "x", "value": 1.0, "text": None, "call_ids": []}
    with pytest.raises(LakeError, match="unknown subject 'samples'; did you mean 'sample'"):
        store_evidence(lake, "k", "mine", [row_], night=NIGHT)

import math

import pytest

from filters import get_filter
from filters.questions import Evidence
from storage.errors import RecipeError
from synth.engines.scoring import Score
from tests.filters.asking.asking import NIGHT, Grader, ask, evidence, make_night
from tests.filters.helpers import context, details, outcomes, row, table, word_problem

PROBLEM = word_problem()
STANDING = {"one", "same", "steps", "text", "long", "empty", "ask"}


def scored(perplexity):
    score = Score(-10 * math.log(perplexity), 10)
    return {"perplexity": Evidence(score.perplexity, score.to_json(), "m")}


ITEMS = {"low": scored(2), "high": scored(50), "none": {"perplexity": Evidence(None, "prompt_too_long", None)}}
ROWS = table(*(row(name, PROBLEM, "text") for name in ("low", "high", "none", "not asked")))


def verdicts(options):
    return get_filter("perplexity", options)(ROWS, context(PROBLEM, evidence={"perplexity": ITEMS}))


def test_it_is_off_unless_a_role_is_named():
    off = verdicts({})
    assert set(outcomes(off).values()) == {("pass", None)} and not any(details(off).values())


def test_without_limits_it_only_observes():
    observed = verdicts({"role": "scorer"})
    assert set(outcomes(observed).values()) == {("pass", None)}
    assert details(observed) == {
        "low": {"perplexity": 2.0, "tokens": 10, "model": "m"}, "high": {"perplexity": 50.0, "tokens": 10, "model": "m"},
        "none": {"not_scored": "prompt_too_long"}, "not asked": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "low", "high", "none"),
    [
        ({"limits": {"math_word": {"most": 40}}}, "pass", "too_unlikely", "unknown"),
        ({"limits": {"math_word": {"least": 3}}}, "too_likely", "pass", "unknown"),
        ({"limits": {"arithmetic": {"most": 40}}}, "pass", "pass", "pass"),
        ({"default": {"most": 40}}, "pass", "too_unlikely", "unknown"),
        ({"default": {"most": 40}, "limits": {"math_word": {}}}, "pass", "pass", "pass"),
        ({"default": {"least": 2, "most": 50}}, "pass", "pass", "unknown"),
    ],
)
def test_the_limits_of_the_task_reject(limits, low, high, none):
    by_sample = outcomes(verdicts({"role": "scorer", **limits}))
    reasons = {name: reason if outcome == "fail" else outcome for name, (outcome, reason) in by_sample.items()}
    assert reasons == {"low": low, "high": high, "none": none, "not asked": "pass"}
    assert none != "unknown" or by_sample["none"] == ("unknown", "prompt_too_long")


@pytest.mark.parametrize(
    "bounds", [{"most": 0.5}, {"least": 9, "most": 3}, {"max": 3}, {"least": float("inf")}, {"most": "many"}]
)
def test_limits_that_make_no_sense(bounds):
    with pytest.raises(RecipeError, match=r"filters\.perplexity"):
        get_filter("perplexity", {"default": bounds})


def test_what_is_scored_and_what_is_kept(workspace):
    rows = [
        row("one", PROBLEM, "abc", night=NIGHT), row("same", PROBLEM, "abc", night=NIGHT),
        row("steps", PROBLEM, "e", night=NIGHT, kind="stepwise", steps=["c", "d"]),
        row("text", PROBLEM, None, night=NIGHT, kind="text", text="whole"), row("long", PROBLEM, "long", night=NIGHT),
        row("empty", PROBLEM, " ", night=NIGHT), row("ask", PROBLEM, None, night=NIGHT, kind="prompt"),
        row("rejected", PROBLEM, "rejected before", night=NIGHT),
    ]  # fmt: skip
    engine = Grader()
    with make_night(workspace, PROBLEM, rows) as lake:
        assert ask(lake, "perplexity", {"role": "grader"}, engine, STANDING, PROBLEM) == 5
        assert sorted(engine.asked) == ["abc", "c\nd\ne", "long", "whole"], "equal texts are one call"
        kept = lake.rows("select sample_id, logprob, tokens, reason, model from perplexities order by sample_id")
        by_name = evidence(lake, "perplexity")
    assert [(item["sample_id"], item["logprob"], item["tokens"], item["reason"]) for item in kept] == [
        ("long", None, None, "prompt_too_long"), ("one", -3.0, 3, None), ("same", -3.0, 3, None), ("steps", -5.0, 5, None),
        ("text", -5.0, 5, None),
    ]  # fmt: skip
    assert by_name["one"]["perplexity"].value == pytest.approx(math.e) and kept[1]["model"] == "grader@1"

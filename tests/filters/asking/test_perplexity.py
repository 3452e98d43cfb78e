import math

import pytest

from filters import get_filter
from filters.evidence import Scored
from storage.errors import RecipeError
from synth.engines.scoring import Score
from tests.filters.helpers import context, details, outcomes, row, table, word_problem

PROBLEM = word_problem()
SCORES = {
    "low": Scored(Score(-10 * math.log(2), 10), None, "m"), "high": Scored(Score(-10 * math.log(50), 10), None, "m"),
    "none": Scored(None, "prompt_too_long"),
}  # fmt: skip
ROWS = table(*(row(one, PROBLEM, "text") for one in ("low", "high", "none", "not asked")))


def verdicts(options):
    return get_filter("perplexity", options)(ROWS, context(PROBLEM, perplexities=SCORES))


def test_it_is_off_unless_a_role_is_named():
    found = verdicts({})
    assert set(outcomes(found).values()) == {("pass", None)} and not any(details(found).values())


def test_without_limits_it_only_observes():
    found = verdicts({"role": "scorer"})
    assert set(outcomes(found).values()) == {("pass", None)}
    assert details(found) == {
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
    found = outcomes(verdicts({"role": "scorer", **limits}))
    said = {one: reason if outcome == "fail" else outcome for one, (outcome, reason) in found.items()}
    assert said == {"low": low, "high": high, "none": none, "not asked": "pass"}
    assert none != "unknown" or found["none"] == ("unknown", "prompt_too_long")


@pytest.mark.parametrize(
    "bounds", [{"most": 0.5}, {"least": 9, "most": 3}, {"max": 3}, {"least": float("inf")}, {"most": "many"}]
)
def test_limits_that_make_no_sense(bounds):
    with pytest.raises(RecipeError, match=r"filters\.perplexity"):
        get_filter("perplexity", {"default": bounds})

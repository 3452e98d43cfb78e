"""The decision to train is a pure function of the lake's figures and the recipe's policy."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.night.trigger import decide
from flows.recipe.train import WhenSpec
from storage.releases.changes import Change

LATER = Change("set@2", "set@1", rows=100, new_rows=10, new_words=500, drift=0.1)


@pytest.mark.parametrize(
    ("when", "change", "train", "message"),
    [
        ({}, Change(None), False, "there is no release yet"),
        ({}, replace(LATER, rows=0), False, "no rows that a stage of `train.plan` selects"),
        ({}, LATER, True, "10 rows of set@2 are new since set@1 was trained on (train.when.min_new_rows is 1)"),
        ({}, replace(LATER, new_rows=0), False, "0 rows of set@2 are new"),
        ({}, Change("set@1", rows=3, new_rows=3), True, "nothing was trained on yet"),
        ({"min_new_rows": 11}, LATER, False, "train.when.min_new_rows is 11"),
        ({"min_new_tokens": 500}, LATER, True, "500 words are new"),
        ({"min_new_tokens": 501}, LATER, False, "train.when.min_new_tokens is 501"),
        ({"min_new_rows": 11, "min_new_tokens": 500}, LATER, True, "500 words"),
        ({"max_drift": 0.05}, LATER, True, "the mixture drifted by 0.100 (train.when.max_drift is 0.05)"),
        ({"max_drift": 0.1}, LATER, False, "the mixture drifted by 0.100"),
        ({"min_new_rows": 1000, "max_drift": 0.5}, LATER, False, "min_new_rows is 1,000"),
        ({"min_new_rows": 1000}, replace(LATER, disallowed=2), True, "2 rows of the last training hold a benchmark"),
        ({"min_new_rows": 1000, "benchmarks": False}, replace(LATER, disallowed=2), False, "min_new_rows"),
        ({}, replace(LATER, stale=1), False, "1 rows of set@2 hold a benchmark item by now"),
    ],
)
def test_the_policy_decides_and_says_its_figures(when, change, train, message):
    decision = decide(change, WhenSpec.model_validate(when))
    assert decision.train is train and message in decision.why
    assert decision.why.startswith("not trained") is not train


@pytest.mark.parametrize("wrong", [{"min_new_rows": 0}, {"max_drift": 1.0}, {"max_drift": -0.1}, {"rows": 5}])
def test_a_policy_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        WhenSpec.model_validate(wrong)


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(1, 50),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 0.99),
)
def test_more_that_is_new_never_turns_a_yes_into_a_no(rows, more, bound, drift, limit):
    when = WhenSpec(min_new_rows=bound, max_drift=limit)
    few = Change("set@2", "set@1", rows=200, new_rows=rows, drift=drift)
    if decide(few, when).train:
        assert decide(replace(few, new_rows=rows + more), when).train

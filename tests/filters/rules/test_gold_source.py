import json

import pytest

from filters import get_filter
from filters.base import Context
from filters.rules.gold_source import EVERY
from synth.problems.base import Problem
from tests.filters.helpers import table

UNKNOWN = Problem("math_word", "f", "How many?", "", "how many")
KNOWN = Problem("math_word", "f", "How many are there?", "4", "how many there")


def verdict(name, problem, response, source, notes=None, **options):
    made = {
        "sample_id": "s", "method": "m", "kind": "sft", "problem_id": problem.id, "task": "math_word",
        "messages": [{"role": "user", "content": problem.prompt}], "response": response, "gold_source": source,
        "notes": json.dumps(notes or {}),
    }  # fmt: skip
    [judged] = get_filter(name, options)(table(made), Context(problems={problem.id: problem})).to_pylist()
    return judged["outcome"], judged["reason"]


@pytest.mark.parametrize("source", [*EVERY, None])
def test_a_recipe_demands_or_refuses_each_source(source):
    assert verdict("gold_source", KNOWN, "#### 4", source) == ("pass", None)
    outcome, reason = verdict("gold_source", KNOWN, "#### 4", source, accept=("data", "rule"))
    assert (outcome == "pass") == (source in ("data", "rule", None))
    assert reason in (None, f"gold_by_{source}")


def test_without_a_gold_answer_the_label_decides_and_without_one_nobody_knows():
    label = {"label": {"gold": "4", "source": "vote"}}
    assert verdict("answer", UNKNOWN, "2 + 2 = 4\n#### 4", "vote", label)[0] == "pass"
    assert verdict("answer", UNKNOWN, "#### 5", "vote", label) == ("fail", "wrong_answer")
    assert verdict("answer", UNKNOWN, "#### 4", "none") == ("unknown", "no_gold")


def test_a_label_never_overrules_a_gold_answer():
    assert verdict("answer", KNOWN, "#### 5", "data", {"label": {"gold": "5", "source": "vote"}})[0] == "fail"


def test_a_row_that_declines_must_say_no_answer():
    assert verdict("answer", KNOWN, "I don't know.", "data", {"abstains": True}) == ("pass", None)
    assert verdict("answer", KNOWN, "I don't know, but\n#### 4", "data", {"abstains": True}) == (
        "fail",
        "abstention_answers",
    )
    assert verdict("answer", KNOWN, "I don't know.", "data")[0] != "pass"

import random
from itertools import combinations

import pytest

from synth.problems.instructions.constraints import CONSTRAINTS, compatible, kept, paragraphs, sentences, words

HOSTILE = [
    "",
    "\x00",
    "\ud800",
    "[" * 5_000,
    "*" * 5_000,
    '{"a": ' * 5_000,
    "<<" * 5_000,
    "a" * 300_000,
    "- " * 3_000,
    "```json\n",
]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_tells_its_examples_apart(name):
    constraint = CONSTRAINTS[name]
    values, good, bad = constraint.example
    assert kept(name, values, good) and not kept(name, values, bad)
    drawn = constraint.draw(random.Random(3))
    assert set(drawn) == set(values) and drawn == constraint.draw(random.Random(3))
    said = constraint.say(drawn)
    assert "{" not in said and all(str(value) in said for value in drawn.values() if not isinstance(value, list))


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_no_text_breaks_a_constraint(name):
    values = CONSTRAINTS[name].example[0]
    for text in HOSTILE:
        assert kept(name, values, text) in (True, False)
    assert not kept(name, values, "")
    assert not kept(name, values, "a" * 300_000)


def test_there_are_twenty():
    assert len(CONSTRAINTS) >= 20


def test_how_a_text_is_counted():
    assert words("It's a well-known fact: 3.5 dogs") == ["It's", "a", "well-known", "fact", "3", "5", "dogs"]
    assert len(sentences('He said "No." Then? Yes! ...')) == 3
    assert len(paragraphs("a\n\n\nb\nc\n \nd")) == 3


def test_what_cannot_be_kept_together_is_not_asked_together():
    assert not compatible(["case.lower", "case.upper"]) and not compatible(["format.json", "start.quotation"])
    assert not compatible(["lines.exactly", "paragraphs.exactly"]) and compatible(
        ["words.at_least", "punctuation.no_commas"]
    )
    assert sum(compatible(pair) for pair in combinations(CONSTRAINTS, 2)) > 100

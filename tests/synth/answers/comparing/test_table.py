from itertools import product

from synth.answers.comparing.table import compare_forms
from synth.answers.outcome import Outcome
from synth.answers.parsing.form import read_form

TEXTS = [
    "5", "1, 2", "(1, 2)", "[1, 2)", r"\{1, 2\}", "x = 5", "x + y = 5", "x > 5", r"(0,1) \cup (2,3)", "B", "yes", "101_2",
    "7:30 am", "March 5", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "2:3", "7 R 2", "Evelyn", r"\pm 3",
]  # fmt: skip


def test_every_pair_of_types_has_an_outcome_and_different_ones_are_never_correct():
    for gold, answer in product(TEXTS, TEXTS):
        outcome = compare_forms(read_form(gold), read_form(answer))
        equal = gold == answer or {gold, answer} in ({"5", "x = 5"}, {"1, 2", r"\{1, 2\}"})
        assert (outcome is Outcome.CORRECT) == equal, (gold, answer, outcome)


def test_texts_that_differ_in_spaces_are_the_same_and_nothing_equals_no_text():
    assert compare_forms(read_form("( some , thing )"), read_form("(some,thing)")) is Outcome.CORRECT
    assert compare_forms(read_form(""), read_form("")) is not Outcome.CORRECT

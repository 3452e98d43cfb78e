"""Comparing as tests write it: two texts, read and compared, as a letter."""

from synth.answers.comparing.table import compare_forms
from synth.answers.parsing.form import read_form


def outcome(gold: str, answer: str) -> str:
    """C for correct, W for wrong, U for undecided."""
    return compare_forms(read_form(gold), read_form(answer)).value[0].upper()

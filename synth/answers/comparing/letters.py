"""Comparing letters of choices and words."""

import re

from synth.answers.algebra.expression import whole_expression
from synth.answers.algebra.symbolic import compare_symbolically
from synth.answers.algebra.trees import symbols
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, Compare
from synth.answers.comparing.trees import compare_trees
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Choice, Form, Quantity, Words
from synth.answers.parsing.typography import fold
from synth.answers.parsing.words import OPPOSITE

_SYMBOLIC = re.compile(r"[\\\d=<>^_+*/{}]")


def compare_words(gold: Words, answer: Words) -> Outcome:
    """Compare words as words, and what could not be read but has signs of mathematics by computer algebra."""
    if _SYMBOLIC.search(gold.text) or _SYMBOLIC.search(answer.text):
        return compare_symbolically(gold.text, answer.text)
    left, right = fold(gold.text), fold(answer.text)
    if left == right != "":
        return CORRECT
    first = re.match(r"([a-z]+)\s*[,.;:!-]", right)
    word = first[1] if first and first[1] in OPPOSITE else right
    if left in OPPOSITE:
        if word == left:
            return CORRECT
        if word == OPPOSITE[left]:
            return WRONG
    return UNVERIFIABLE


def compare_words_with_quantity(wording: Words, quantity: Quantity) -> Outcome:
    """`xy` is a word, and a product beside an expression with variables."""
    if re.fullmatch(r"[a-z]{2,3}", wording.text) and symbols(quantity.tree):
        tree = whole_expression(wording.text)
        return compare_trees(tree, quantity.tree) if tree is not None else UNVERIFIABLE
    if "\\" in wording.text or "\\" in quantity.text:
        return compare_symbolically(wording.text, quantity.text)
    return UNVERIFIABLE


def compare_choices(gold: Choice, answer: Choice) -> Outcome:
    """Compare two letters of a choice."""
    if gold.letter == answer.letter:
        return CORRECT
    if gold.letter.upper() == answer.letter.upper():
        return CORRECT if gold.letter.upper() <= "E" else UNVERIFIABLE
    return WRONG


def compare_choice_with_other(choice: Choice, other: Form, compare: Compare) -> Outcome:
    """Compare a choice with an option's text, or with a letter that is a symbol."""
    if choice.option is not None:
        return compare(other, choice.option) if not isinstance(choice.option, Choice) else UNVERIFIABLE
    if isinstance(other, Quantity) and other.tree[0] in ("s", "c"):
        name = str(other.tree[1])
        if name == choice.letter:
            return CORRECT
        if name.upper() == choice.letter.upper():
            return CORRECT if "A" <= choice.letter <= "E" and name in "abcde" else UNVERIFIABLE
        return WRONG if len(name) == 1 else UNVERIFIABLE
    if choice.bare and isinstance(other, Quantity) and symbols(other.tree):
        return compare_trees(("s", choice.letter), other.tree)
    return UNVERIFIABLE

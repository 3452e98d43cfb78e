"""Comparing: whether two answers are the same, by an explicit table of the pairs of types.

What the table does not hold is undecided. Expressions are compared by `algebra`, and what it cannot decide by computer
algebra in a process that can be killed.
"""

from collections.abc import Callable
from typing import Any

from synth.answers.comparing import letters, numerals, quantities, relations, sequences
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import (
    Based,
    Choice,
    Clock,
    Date,
    Form,
    Matrix,
    Named,
    Quantity,
    Relation,
    Sequence,
    Union,
    Words,
)
from synth.answers.parsing.typography import without_spaces

SHORT = 400
"""Characters of texts that are compared without their spaces."""


def compare_forms(gold: Form, answer: Form) -> Outcome:
    """Compare an answer with the gold answer, both read as what they are."""
    if _same_text(gold.text, answer.text):
        return CORRECT
    for left, right in ((gold, answer), (answer, gold)):
        types = (type(left), type(right))
        if types in _PLAIN:
            return _PLAIN[types](left, right)
        if types in _NESTED:
            return _NESTED[types](left, right, compare_forms)
    return UNVERIFIABLE


def _same_text(left: str, right: str) -> bool:
    """Whether two texts are the same up to spaces that stand between signs."""
    if left == right:
        return left != ""
    if len(left) >= SHORT or len(right) >= SHORT:
        return False
    return without_spaces(left) == without_spaces(right) != ""


_PLAIN: dict[tuple[type, type], Callable[[Any, Any], Outcome]] = {
    (Quantity, Quantity): quantities.compare_quantities,
    (Words, Words): letters.compare_words,
    (Words, Quantity): letters.compare_words_with_quantity,
    (Choice, Choice): letters.compare_choices,
    (Based, Based): numerals.compare_based,
    (Based, Quantity): numerals.compare_based_with_quantity,
    (Clock, Clock): numerals.compare_clocks,
    (Date, Date): numerals.compare_dates,
}
"""How two types are compared; a pair is looked up in both orders, and one that is in neither table is undecided."""

_NESTED: dict[tuple[type, type], Callable[[Any, Any, Callable[[Form, Form], Outcome]], Outcome]] = {
    (Quantity, Sequence): sequences.compare_quantity_with_sequence,
    (Sequence, Quantity): sequences.compare_sequence_with_quantity,
    (Sequence, Sequence): sequences.compare_sequences,
    (Named, Named): relations.compare_named,
    (Relation, Relation): relations.compare_relations,
    (Union, Union): sequences.compare_unions,
    (Union, Sequence): relations.compare_union_with_sequence,
    (Matrix, Matrix): sequences.compare_matrices,
    (Matrix, Sequence): sequences.compare_matrix_with_sequence,
    (Clock, Sequence): numerals.compare_clock_with_ratio,
    **{
        (Choice, kind): letters.compare_choice_with_other
        for kind in (Quantity, Words, Sequence, Date, Clock, Matrix, Based)
    },
    **{
        (Named, kind): relations.compare_named_with_other
        for kind in (Quantity, Words, Sequence, Relation, Union, Matrix, Choice, Based, Clock)
    },
    **{(Relation, kind): relations.compare_relation_with_other for kind in (Sequence, Union, Quantity)},
}
"""The same for types that hold other answers: these are compared by the table again."""

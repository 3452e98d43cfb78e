"""Comparing several values: lists, sets, tuples, intervals, ratios, unions and matrices."""

import re
from collections.abc import Sequence as Parts
from fractions import Fraction

from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, Compare, at_most, of_all
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Form, Matrix, Named, Quantity, Sequence, Union
from synth.answers.parsing.typography import without_spaces


def compare_intervals(gold: Sequence, answer: Sequence, compare: Compare) -> Outcome:
    """Compare two intervals: brackets and ends."""
    if gold.brackets != answer.brackets:
        return WRONG
    return _in_order(gold.parts, answer.parts, compare)


def _in_order(parts: Parts[Form], others: Parts[Form], compare: Compare) -> Outcome:
    if len(parts) != len(others):
        return WRONG
    return of_all([compare(part, other) for part, other in zip(parts, others, strict=True)])


def _in_any_order(parts: Parts[Form], others: Parts[Form], compare: Compare) -> Outcome:
    if len(parts) != len(others):
        parts, others = _distinct(parts), _distinct(others)
        if len(parts) != len(others):
            return WRONG
    if len(parts) > 16:
        return at_most(_in_order(parts, others, compare)) if len(parts) > 40 else _in_order(parts, others, compare)
    left, doubtful = list(others), False
    for part in parts:
        outcomes = [compare(part, other) for other in left]
        if CORRECT in outcomes:
            left.pop(outcomes.index(CORRECT))
        elif UNVERIFIABLE in outcomes:
            doubtful = True
        else:
            return WRONG
    return UNVERIFIABLE if doubtful else CORRECT


def _distinct(parts: Parts[Form]) -> Parts[Form]:
    """Without repetitions."""
    return list({without_spaces(part.text) or str(part): part for part in parts}.values())


_UNORDERED = ("list", "set", "pm")
ORDERED = ("tuple", "interval")


def compare_sequences(gold: Sequence, answer: Sequence, compare: Compare) -> Outcome:
    """Compare several values by the kinds they are written as: only sets have no order."""
    kinds = (gold.kind, answer.kind)
    if "pm" in kinds or "set" in kinds:
        if set(kinds) <= set(_UNORDERED):
            return _in_any_order(_flat(gold), _flat(answer), compare)
        return at_most(_in_order(gold.parts, answer.parts, compare)) if len(gold.parts) == len(answer.parts) else WRONG
    if kinds == ("list", "list"):
        outcome = _in_order(_flat(gold), _flat(answer), compare)
        if outcome is CORRECT:
            return CORRECT
        loose = _in_any_order(_flat(gold), _flat(answer), compare)
        if loose is CORRECT and all(isinstance(part, Named) for part in (*gold.parts, *answer.parts)):
            return CORRECT
        if loose is CORRECT and all(isinstance(part, Sequence) for part in (*gold.parts, *answer.parts)):
            return CORRECT  # solutions such as (1, 2), (2, 1) have no order among themselves
        return at_most(loose)
    if set(kinds) <= set(ORDERED):
        return _ordered(gold, answer, compare)
    if kinds == ("ratio", "ratio"):
        return compare_ratios(gold, answer, compare)
    if kinds == ("remainder", "remainder"):
        return _in_order(gold.parts, answer.parts, compare)
    if set(kinds) == {"tuple", "list"} and (_assigns(gold) or _assigns(answer)):
        outcome = _in_order(gold.parts, answer.parts, compare)
        return outcome if outcome is CORRECT else at_most(_in_any_order(gold.parts, answer.parts, compare))
    if set(kinds) <= {*ORDERED, "list"}:
        return (
            at_most(_in_order(gold.parts, answer.parts, compare))
            if len(gold.parts) == len(answer.parts)
            else UNVERIFIABLE
        )
    return UNVERIFIABLE


def _assigns(sequence: Sequence) -> bool:
    """Whether a list gives values to letters in their order, `x = 1, y = 2`, as a tuple does."""
    names = [part.names for part in sequence.parts if isinstance(part, Named)]
    letters = [name for name in names if len(name) == 1 and len(name[0]) == 1]
    return sequence.kind == "list" and len(letters) == len(sequence.parts) and letters == sorted(set(letters))


def _flat(sequence: Sequence) -> tuple[Form, ...]:
    parts: list[Form] = []
    for part in sequence.parts:
        inner = part.value if isinstance(part, Named) else part
        parts.extend(inner.parts if isinstance(inner, Sequence) and inner.kind == "pm" else (part,))
    return tuple(parts)


def _ordered(gold: Sequence, answer: Sequence, compare: Compare) -> Outcome:
    outcome = _in_order(gold.parts, answer.parts, compare)
    if gold.brackets == answer.brackets or outcome is WRONG:
        return outcome
    return WRONG if len(gold.parts) == 2 and outcome is CORRECT else at_most(outcome)


def compare_ratios(gold: Sequence, answer: Sequence, compare: Compare) -> Outcome:
    """Compare two ratios; one that is the other scaled is undecided."""
    outcome = _in_order(gold.parts, answer.parts, compare)
    if outcome is not WRONG or len(gold.parts) != len(answer.parts):
        return outcome
    left, right = [_value(part) for part in gold.parts], [_value(part) for part in answer.parts]
    if None in left or None in right:
        return UNVERIFIABLE
    scaled = all((a or 0) * (right[0] or 0) == (b or 0) * (left[0] or 0) for a, b in zip(left, right, strict=True))
    return UNVERIFIABLE if scaled else WRONG


def _value(form: Form) -> Fraction | None:
    return form.value if isinstance(form, Quantity) else None


def _with_quantity(sequence: Sequence, quantity: Quantity, compare: Compare, *, gold_is_sequence: bool) -> Outcome:
    """Compare a list against one value: another number of answers. A comma may also have been a decimal one."""
    if sequence.kind == "ratio":
        top, bottom = _value(sequence.parts[0]), _value(sequence.parts[1]) if len(sequence.parts) == 2 else None
        return UNVERIFIABLE if not bottom or top is None or quantity.value in (None, top / bottom) else WRONG
    if re.search(r"\d,\d{1,2}(?!\d)", sequence.text) and ", " not in sequence.text:
        return UNVERIFIABLE
    if sequence.kind == "remainder" or not sequence.parts:
        return UNVERIFIABLE
    if len(sequence.parts) == 1:
        return compare(sequence.parts[0], quantity)
    if sequence.kind in ORDERED:
        return (
            UNVERIFIABLE
            if quantity.value is None or "," in quantity.text or re.search(r"\d,\d{3}", sequence.text)
            else WRONG
        )
    among = [compare(part, quantity) for part in sequence.parts]
    if gold_is_sequence:
        return WRONG if set(among) <= {CORRECT, WRONG} and len(set(map(str, among))) > 0 else UNVERIFIABLE
    return WRONG if set(among) == {WRONG} else UNVERIFIABLE


def compare_unions(gold: Union, answer: Union, compare: Compare) -> Outcome:
    """Compare two unions, whose parts have no order."""
    return _in_any_order(gold.parts, answer.parts, compare)


def compare_matrices(gold: Matrix, answer: Matrix, compare: Compare) -> Outcome:
    """Compare two matrices cell by cell."""
    if len(gold.rows) != len(answer.rows) or len(gold.rows[0]) != len(answer.rows[0]):
        return WRONG
    pairs = zip(gold.rows, answer.rows, strict=True)
    return of_all([_in_order(row, other, compare) for row, other in pairs])


def compare_matrix_with_sequence(matrix: Matrix, sequence: Sequence, compare: Compare) -> Outcome:
    """Compare a row or column with a tuple."""
    cells = [cell for row in matrix.rows for cell in row]
    if min(len(matrix.rows), len(matrix.rows[0])) > 1:
        return UNVERIFIABLE
    return at_most(_in_order(cells, sequence.parts, compare))


def compare_quantity_with_sequence(gold: Quantity, answer: Sequence, compare: Compare) -> Outcome:
    """Compare one value with several."""
    return _with_quantity(answer, gold, compare, gold_is_sequence=False)


def compare_sequence_with_quantity(gold: Sequence, answer: Quantity, compare: Compare) -> Outcome:
    """Compare several values with one."""
    return _with_quantity(gold, answer, compare, gold_is_sequence=True)

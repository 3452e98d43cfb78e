"""Comparing numbers in a base, times and dates."""

from fractions import Fraction

from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, WRONG, Compare, equally
from synth.answers.comparing.sequences import compare_ratios
from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Based, Clock, Date, Quantity, Sequence


def compare_based(gold: Based, answer: Based) -> Outcome:
    """Compare two numbers in a base; equal numbers in different bases are undecided."""
    if gold.base == answer.base:
        return equally(gold.digits == answer.digits)
    left, right = _number(gold), _number(answer)
    return UNVERIFIABLE if left is None or right is None or left == right else WRONG


def _number(based: Based) -> int | None:
    try:
        return int(based.digits, based.base)
    except ValueError:
        return None


def compare_based_with_quantity(based: Based, quantity: Quantity) -> Outcome:
    """Compare a number in a base with one without: only a clear difference is decided."""
    value = quantity.value
    if value is None or value.denominator != 1 or _number(based) is None:
        return UNVERIFIABLE
    return UNVERIFIABLE if str(value) in (based.digits, str(_number(based))) else WRONG


def compare_clocks(gold: Clock, answer: Clock) -> Outcome:
    """Compare two times of day, of twelve or twenty-four hours."""
    left, right = gold.parts + (0,) * (3 - len(gold.parts)), answer.parts + (0,) * (3 - len(answer.parts))
    if gold.half and answer.half:
        return equally(left == right and gold.half == answer.half)
    if gold.half != answer.half:
        if left == right:
            return CORRECT
        clock, other = (gold, answer) if gold.half else (answer, gold)
        hour = clock.parts[0] % 12 + (12 if clock.half == "p" else 0)
        return equally((hour, *clock.parts[1:]) == other.parts)
    if left == right:
        return CORRECT
    same = len(gold.parts) == len(answer.parts) == 2 and left[0] * right[1] == left[1] * right[0]
    return UNVERIFIABLE if same else WRONG


def compare_clock_with_ratio(clock: Clock, sequence: Sequence, compare: Compare) -> Outcome:
    """Compare `2:30` as a ratio."""
    if clock.half or sequence.kind != "ratio":
        return UNVERIFIABLE
    parts = tuple(Quantity(("n", Fraction(part), None), "") for part in clock.parts)
    return compare_ratios(Sequence("ratio", parts, clock.text), sequence, compare)


def compare_dates(gold: Date, answer: Date) -> Outcome:
    """Compare two dates; a year that one side leaves out is undecided when gold has it."""
    if (gold.month, gold.day) != (answer.month, answer.day):
        return WRONG
    if gold.year is None or answer.year is None:
        return equally(True) if gold.year is None else UNVERIFIABLE
    return equally(gold.year == answer.year)

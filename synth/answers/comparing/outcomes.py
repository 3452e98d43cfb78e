"""Outcomes of comparisons, and how those of parts come together."""

from collections.abc import Callable, Sequence

from synth.answers.outcome import Outcome
from synth.answers.parsing.forms import Form

CORRECT, WRONG, UNVERIFIABLE = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE

Compare = Callable[[Form, Form], Outcome]
"""Compares two answers inside the two at hand, gold first."""


def of_all(outcomes: Sequence[Outcome]) -> Outcome:
    """Wrong where a part is wrong, correct where every part is."""
    if WRONG in outcomes:
        return WRONG
    return UNVERIFIABLE if UNVERIFIABLE in outcomes else CORRECT


def equally(same: bool) -> Outcome:
    """Correct or wrong."""
    return CORRECT if same else WRONG


def at_most(outcome: Outcome) -> Outcome:
    """For types that are not quite the same: equal values leave it undecided."""
    return UNVERIFIABLE if outcome is CORRECT else outcome

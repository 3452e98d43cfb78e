"""What a check says: one of three outcomes, the answer that was found, and a stable word for what went wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The three outcomes of a check. `UNVERIFIABLE` is never counted as correct."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of checking one response.

    Attributes:
        outcome: One of the three outcomes.
        answer: The final answer found in the response, in normal form; None when none was found.
        reason: A stable word for what went wrong (`no_answer`, `wrong_answer`, `unparsable_answer`, ...); None when correct.
        reading: The final answer as it was written; None when there was none to read.
    """

    outcome: Outcome
    answer: str | None = None
    reason: str | None = None
    reading: str | None = None

"""Pairs of answers to one problem that people have told apart: what a judge is measured on besides what the checker knows."""

from dataclasses import dataclass

from synth.problems.base import Problem


@dataclass(frozen=True, slots=True)
class ReviewedAnswer:
    """An answer that people reviewed.

    Attributes:
        text: The answer.
        call_id: The call that it is the answer of; empty where no model wrote it.
        model: Identity of the model that wrote it; empty likewise.
    """

    text: str
    call_id: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class ReviewedPair:
    """Two answers to one problem of which people accept one and reject the other."""

    problem: Problem
    accepted: ReviewedAnswer
    rejected: ReviewedAnswer

"""What is known by rule of the steps of an attempt, and what another who labels them may say without contradicting it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.problems.registry import get_task


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule's view of an attempt. Steps are counted from 1.

    Attributes:
        labels: True, False or None (unsure) for each step; all are None where no derivation is known and no step is false.
        first_false: The first step whose arithmetic is false; None when there is none.
        first_wrong: The first wrong step, one past the last where only the answer is wrong; None when nothing is wrong or sure.
        known: Whether a derivation is known.
    """

    labels: tuple[bool | None, ...]
    first_false: int | None
    first_wrong: int | None
    known: bool

    @staticmethod
    def of(problem: Problem, attempt: str) -> "Rule":
        """Look at an attempt. Never raises on model text."""
        task = get_task(problem.task)
        steps = task.steps(attempt)
        false = next((number for number, step in enumerate(steps, 1) if false_equation(step) is not None), None)
        review = task.review(problem, attempt)
        if review is None:
            after = tuple(None if false is None or number < false else False for number in range(1, len(steps) + 1))
            return Rule(after, false, false, known=False)
        sure = review.sure and review.first_wrong is not None
        return Rule(
            review.labels,
            false,
            review.first_wrong + 1 if sure and review.first_wrong is not None else None,
            known=True,
        )

    @property
    def sure(self) -> bool:
        """Whether every step is known to be right or wrong."""
        return None not in self.labels

    def allows(self, step: int | None) -> bool:
        """Whether a step may be called the first wrong one: by the rule, or where nothing is known against it."""
        if step is None or self.contradicts(step):
            return False
        return step == self.first_wrong or not self.known

    def contradicts(self, step: int | None) -> bool:
        """Whether a step cannot be the first wrong one: there is none, it is right, or one before it is wrong."""
        if step is None:
            return False
        if not 1 <= step <= len(self.labels) + 1 or (self.first_false is not None and step > self.first_false):
            return True
        if self.known and self.sure:
            return step != self.first_wrong
        return step <= len(self.labels) and self.labels[step - 1] is True

    def columns(self, step: int | None) -> Mapping[str, Any]:
        """Columns of a row: the first wrong step by rule, and whether another names the same."""
        if not self.known:
            return {}
        agrees = None if not self.sure else self.first_wrong == step
        return {"rule_first_error_step": self.first_wrong, "step_sure": self.sure, "step_agrees": agrees}

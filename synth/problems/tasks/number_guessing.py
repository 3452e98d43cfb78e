"""The task `number_guessing`: a hidden number, found in turns."""

from collections.abc import Mapping

from synth.answers.judge import judge
from synth.answers.outcome import Check
from synth.problems.base import Problem, Review
from synth.problems.number_guessing import MOST_TIER
from synth.problems.steps import split_steps


class NumberGuessingTask:
    """Checks the last guess; it is played in turns, each guess answered by higher or lower."""

    name = "number_guessing"
    abilities = ("steps",)
    environment: Mapping[str, object] = {"kind": "number_guessing", "turns": MOST_TIER + 4}

    def check(self, problem: Problem, response: str) -> Check:
        """Judge the response's final answer (`synth.answers.judge`)."""
        return judge(problem.gold, response)

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Return None: one answer without turns is a guess."""
        return None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: a guess has no derivation."""
        return None

"""The task `arithmetic`: a step is right when it carries out an operation that is still open on the value reached so far."""

import random
import re
from collections.abc import Sequence
from itertools import takewhile

from synth.answers.judge import judge
from synth.answers.outcome import Check, Outcome
from synth.problems import derivation
from synth.problems.arithmetic import apply, step_lines, variant
from synth.problems.base import Problem, Review
from synth.problems.routes import may_lead, states
from synth.problems.steps import split_steps


class ArithmeticTask:
    """Checks, cuts, solves and reviews arithmetic word problems."""

    name = "arithmetic"
    abilities = ("steps", "solve", "review")

    def check(self, problem: Problem, response: str) -> Check:
        """Judge the response's final answer (`synth.answers.judge`)."""
        return judge(problem.gold, response)

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """The derivation, one step a line, and the answer line; None when the problem carries none."""
        steps = problem.attrs.get("steps")
        return "\n".join([*steps, f"#### {problem.gold}"]) if steps else None

    def variant(self, problem: Problem, rng: random.Random) -> Problem | None:
        """Draw the same operations with other numbers; None where the problem carries none, or the numbers lead nowhere."""
        return variant(problem, rng) if "operations" in problem.attrs else None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Follow an attempt step by step; None when the problem carries no derivation.

        A step `5 + 3 = 8` is right when it is true, starts at the value reached so far and carries out an operation
        that is still open (gains and losses in any order). An attempt written in any other way is compared with the
        derivation by its values (`synth.problems.derivation.review`). A true step outside the derivation is surely wrong
        only where it can be part of no right solution (`synth.problems.routes`).
        """
        if "steps" not in problem.attrs:
            return None
        check = self.check(problem, attempt)
        steps = self.steps(attempt)
        read = [_STEP.fullmatch(step) for step in steps]
        plain = [match for match in read if match is not None]
        if len(plain) == len(steps):
            return _follow(problem, steps, plain, check)
        lines = problem.attrs["steps"]
        derivation_steps = [(line, int(line.rpartition("=")[2])) for line in lines]
        return derivation.review(attempt, derivation_steps, f"#### {problem.gold}", check)


_STEP = re.compile(r"(\d{1,9}) ?([-+*]) ?(\d{1,9}) ?= ?(-?\d{1,18})", re.ASCII)


def _follow(problem: Problem, steps: Sequence[str], read: Sequence[re.Match[str]], check: Check) -> Review:
    """Review an attempt whose every step has the form `a + b = c`."""
    value: int = problem.attrs["start"]
    remaining = [(str(sign), int(amount)) for sign, amount in problem.attrs["operations"]]
    first_wrong: int | None = None
    why = ""
    for index, match in enumerate(read):
        left, sign, amount, result = int(match[1]), match[2], int(match[3]), int(match[4])
        if _result(match) != result:
            why = f"{match[1]} {sign} {match[3]} is {_result(match)}, not {match[4]}."
        elif left == value and (sign, amount) in _possible_next(remaining):
            remaining.remove((sign, amount))
            value = result
            continue
        first_wrong = index
        break
    if first_wrong is None:
        if check.outcome is Outcome.CORRECT:
            return Review(check.outcome, tuple(steps), (True,) * len(steps), None)
        first_wrong = len(steps)
    rest = (*step_lines(value, remaining), f"#### {problem.gold}")
    if not why:
        given = f", not {check.answer}" if check.outcome is Outcome.WRONG and check.answer else ""
        why = f"the next step is {rest[0]}." if remaining else f"the answer is {problem.gold}{given}."
    false = next((n for n, match in enumerate(read) if _result(match) != int(match[4])), len(steps))
    if first_wrong < false and _leads_nowhere(problem, read, first_wrong):
        false = first_wrong
    labels = tuple(True if n < first_wrong else None if n < false else False for n in range(len(steps)))
    return Review(check.outcome, tuple(steps), labels, first_wrong, why, rest)


def _leads_nowhere(problem: Problem, read: Sequence[re.Match[str]], index: int) -> bool:
    """Whether a true step that the derivation does not take is no other way either."""
    operations, step = problem.attrs["operations"], read[index]
    if "*" in {str(sign) for sign, _ in operations} or step[2] == "*":
        return False
    start = int(problem.attrs["start"])
    changes = [int(amount) if sign == "+" else -int(amount) for sign, amount in operations]
    if may_lead(start, changes, int(step[1]), int(step[3]) if step[2] == "+" else -int(step[3])):
        return False
    return not states(start, changes) & {int(later[4]) for later in read[index:]}


def _result(step: re.Match[str]) -> int:
    return apply(int(step[1]), step[2], int(step[3]))


def _possible_next(remaining: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """Gains and losses up to the next multiplication may be taken in any order."""
    if remaining and remaining[0][0] == "*":
        return remaining[:1]
    return list(takewhile(lambda operation: operation[0] != "*", remaining))

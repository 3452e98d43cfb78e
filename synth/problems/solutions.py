"""A long answer cut into its solutions: the parts that each end in an answer (overthinking, arXiv:2412.21187).

The authors let a model cut; here a part ends with the line that marks or states an answer, as the judge of answers reads it. Two
solutions have one strategy when they calculate the same (the authors let a model sort them).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth.answers.outcome import Outcome
from synth.answers.responses.reading import State, read_answer
from synth.problems.base import Problem, Task
from synth.problems.equations import equations
from synth.problems.steps import content_lines

MOST_LINES = 2_000
"""Lines that are read."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One part of an answer.

    Attributes:
        end: Where it ends in the whole text; it begins where the one before it ends.
        words: Its length in words.
        outcome: Whether its answer is right, by the checker.
        strategy: What it calculates: the set of its equations.
    """

    end: int
    words: int
    outcome: Outcome
    strategy: frozenset[str]

    @property
    def right(self) -> bool:
        """Whether its answer is right."""
        return self.outcome is Outcome.CORRECT


def solutions(text: str, problem: Problem, task: Task) -> list[Solution]:
    """Cut an answer, or the thoughts before one, into its solutions; what follows the last of them belongs to none."""
    parts: list[Solution] = []
    start = position = 0
    for line in text.splitlines(keepends=True)[:MOST_LINES]:
        position += len(line)
        reading = read_answer(line.strip())
        if reading.state is State.READ and reading.mark not in ("bold", "bare"):
            own = text[start:position]
            check = task.check(problem, line.strip())
            parts.append(Solution(position, len(own.split()), check.outcome, strategy_of(own)))
            start = position
    return parts


def strategy_of(text: str) -> frozenset[str]:
    """Return the equations of a text, without white space, whatever their order."""
    found = (equation for line in content_lines(text) for equation in equations(line))
    return frozenset("".join(f"{equation.left.text}={equation.right.text}".split()) for equation in found)


def new_strategies(parts: Sequence[Solution]) -> list[bool]:
    """Say of each solution whether none before it calculates the same; one that calculates nothing new is not new."""
    seen: set[str] = set()
    new: list[bool] = []
    for part in parts:
        new.append(not part.strategy <= seen if part.strategy else not new)
        seen |= part.strategy
    return new


def outcome_efficiency(parts: Sequence[Solution]) -> float | None:
    """Return ξ_O: the share of the words that lead to the first right answer; 0 without one, None without a solution."""
    total = sum(part.words for part in parts)
    first = next((number for number, part in enumerate(parts) if part.right), None)
    if not total:
        return None
    return 0.0 if first is None else sum(part.words for part in parts[: first + 1]) / total


def process_efficiency(parts: Sequence[Solution]) -> float | None:
    """Return ξ_P: the share of the words that stand in solutions with a new strategy; None without a solution."""
    total = sum(part.words for part in parts)
    return (
        sum(part.words for part, new in zip(parts, new_strategies(parts), strict=True) if new) / total
        if total
        else None
    )


def first_right(parts: Sequence[Solution]) -> int | None:
    """FCS: where the first right solution ends; None without one."""
    return next((part.end for part in parts if part.right), None)


def first_right_and_reflection(parts: Sequence[Solution]) -> int | None:
    """FCS + Reflection: where the second right solution ends, the first where there is no other."""
    ends = [part.end for part in parts if part.right]
    return ends[min(1, len(ends) - 1)] if ends else None


def greedily_diverse(parts: Sequence[Solution]) -> int | None:
    """GDS: where the last of the right solutions that follow the first, each with a new strategy, ends."""
    first = next((number for number, part in enumerate(parts) if part.right), None)
    if first is None:
        return None
    end = parts[first].end
    for part, new in list(zip(parts, new_strategies(parts), strict=True))[first + 1 :]:
        if not (part.right and new):
            break
        end = part.end
    return end


CUTS: dict[str, Callable[[Sequence[Solution]], int | None]] = {
    "first_right": first_right,
    "first_right_and_reflection": first_right_and_reflection,
    "greedily_diverse": greedily_diverse,
}
"""Where an answer may be cut, by the name of the variant."""

"""Rewards: the problems' own checkers, so that data and reward can never disagree.

Components, each kept apart in the curves (`rewards/<component>/mean`):

* `answer`: the exact final answer is right; `assignment`: every person of a puzzle has the right role. A task has one of
  the two: `assignment` where the task says so (`component = "assignment"`), else `answer`. Right is 1, anything else 0; what
  cannot be verified counts as wrong.
* `format`: a final answer could be read, right or wrong. Its weight is 0 unless the recipe gives it one (`format_weight`):
  a format reward hurts models that follow instructions badly (arXiv:2503.18892).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from storage.errors import TrainingError
from synth.answers.outcome import Check, Outcome
from synth.problems.base import Problem

Reward = Callable[..., list[float | None]]
FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Rewards:
    """The reward functions that TRL calls.

    Attributes:
        names: Component of each function.
        functions: Scores of completions; None where the component does not apply to the problem.
        weights: Weight of each function in the sum.
    """

    names: tuple[str, ...]
    functions: tuple[Reward, ...]
    weights: tuple[float, ...]


def component_of(problem: Problem) -> str:
    """The component that rewards a right answer to a problem."""
    from synth.problems import get_task

    return str(getattr(get_task(problem.task), "component", "answer"))


def make_rewards(problems: Sequence[Problem], *, format_weight: float = 0.0) -> Rewards:
    """Make the reward functions for problems that rows name by `number`.

    Args:
        problems: The problems.
        format_weight: Weight of the component `format`; the others weigh 1.
    """
    from synth.problems import get_task

    @lru_cache(maxsize=16_384)
    def check(number: int, response: str) -> Check:
        return get_task(problems[number].task).check(problems[number], response)

    components = [component_of(problem) for problem in problems]
    names = sorted(set(components))

    def right(component: str) -> Reward:
        def score(number: int, response: str) -> float | None:
            if components[number] != component:
                return None
            return 1.0 if check(number, response).outcome is Outcome.CORRECT else 0.0

        return _named(component, score)

    def readable(number: int, response: str) -> float:
        return 0.0 if check(number, response).outcome is Outcome.UNVERIFIABLE else 1.0

    functions = (*(right(component) for component in names), _named(FORMAT, readable))
    return Rewards((*names, FORMAT), functions, (*(1.0 for _ in names), format_weight))


def _named(name: str, score: Callable[[int, str], float | None]) -> Reward:
    def reward(completions: list[list[dict[str, str]]], number: list[int], **_: Any) -> list[float | None]:
        said = [completion[-1]["content"] if completion else "" for completion in completions]
        return [score(index, text) for index, text in zip(number, said, strict=True)]

    reward.__name__ = name  # TRL logs a reward by the name of its function
    return reward


def check_rewards(problems: Sequence[Problem]) -> dict[str, str]:
    """Let the checker of each task judge one problem's own gold answer, and an empty response.

    Raises:
        TrainingError: The gold answer earns nothing, or silence earns something.
    """
    from synth.problems import get_task

    rewarded = {}
    for task, problem in {problem.task: problem for problem in reversed(problems)}.items():
        checker = get_task(task)
        right = problem.solution or checker.solve(problem) or f"#### {problem.gold}"
        outcome = checker.check(problem, right).outcome
        if outcome is not Outcome.CORRECT:
            raise TrainingError(f"rl: the checker of {task} calls the gold answer of problem {problem.id} {outcome}")
        if checker.check(problem, "").outcome is Outcome.CORRECT:
            raise TrainingError(f"rl: the checker of {task} rewards an empty response to problem {problem.id}")
        rewarded[task] = problem.gold
    return rewarded

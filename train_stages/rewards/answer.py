"""The final answer is right."""

from typing import ClassVar

from synth.problems.base import Problem
from train_stages.rewards.base import Example, Response, Reward


class Answer(Reward):
    """1 when the task's own checker calls the answer right, else 0; nothing when it cannot decide."""

    name: ClassVar[str] = "answer"
    paper: ClassVar[str] = "arXiv:2411.15124"
    checks: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example("#### {gold}", 1.0),
        Example("#### -1", 0.0),
        Example("I do not know.", 0.0),
    )

    def applies(self, problem: Problem) -> bool:
        """Whether the problem's task rewards answers under this name."""
        return component_of(problem) == self.name

    def __call__(self, response: Response) -> float | None:
        """Return 1 or 0, or None for an answer that was read and cannot be decided."""
        return response.correct


def component_of(problem: Problem) -> str:
    """Return the name under which a task rewards right answers: `answer`, or what its attribute `component` says."""
    from synth.problems import get_task

    return str(getattr(get_task(problem.task), "component", "answer"))

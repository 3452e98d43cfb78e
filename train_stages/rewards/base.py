"""What a reward is: a pure function of a problem and a response to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from synth.answers.outcome import Check, Outcome
from synth.problems.base import Problem
from train_stages.parts import Part


@dataclass(frozen=True)
class Response:
    """What a model answered.

    Attributes:
        problem: The problem.
        text: The response.
        tokens: Its length, its end token included; of a dialogue, with the turns of its environment.
        earned: What the environment gave where it was played in one, 0 where it did not end; None where that gave nothing.
    """

    problem: Problem
    text: str
    tokens: int = 0
    earned: float | None = None

    @cached_property
    def check(self) -> Check:
        """What the checker of the problem's task says; asked once."""
        from synth.problems import get_task

        return get_task(self.problem.task).check(self.problem, self.text)

    @property
    def correct(self) -> float | None:
        """1 when the answer is right; None when it cannot be decided or is cut off; 0 when it is wrong or there is none."""
        return credit(self.check)


def credit(check: Check) -> float | None:
    """Return 1 for a right answer, 0 for a wrong one or none at all, and None for one that cannot be decided."""
    if check.outcome is Outcome.UNVERIFIABLE:
        return None
    return 1.0 if check.outcome is Outcome.CORRECT else 0.0


def readable(check: Check) -> bool:
    """Whether a final answer could be read, right or wrong."""
    return check.outcome is Outcome.CORRECT or check.answer is not None or check.reading is not None


@dataclass(frozen=True)
class Example:
    """A reward worked out by hand.

    Attributes:
        response: What was answered; `{gold}` stands for the right answer.
        expected: What it earns.
        settings: Of the reward.
        tokens: Length of the response.
        task: Task of the problem.
        earned: What the environment gave.
    """

    response: str
    expected: float | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 0
    task: str = "arithmetic"
    earned: float | None = None


Ask = Callable[[Problem], list[dict[str, str]]]
"""How a problem is put to the model."""


class Reward(Part):
    """Base of every reward.

    Attributes:
        examples: Rewards worked out by hand, at least one; none where a model says what a response earns.
        checks: It is the verdict of the task's own checker, to which one that asks a model is compared.
    """

    examples: ClassVar[tuple[Example, ...]] = ()
    checks: ClassVar[bool] = False

    weight: float = Field(default=1.0, ge=0, description="Weight in the sum; 0 only records it.")

    def applies(self, problem: Problem) -> bool:
        """Whether it says anything about responses to this problem."""
        return True

    @property
    def models(self) -> tuple[str, ...]:
        """Checkpoints that it asks, named as `from` names them."""
        return ()

    def prepared(self, models: Mapping[str, Path], ask: Ask) -> "Scoring":
        """Return what scores responses; the reward itself unless it asks a model.

        Args:
            models: Folders of the checkpoints that it asks.
            ask: How a problem is put to the model that is trained.
        """
        return lambda responses: [self(response) for response in responses]

    def __call__(self, response: Response) -> float | None:
        """Return what a response earns; None when that cannot be said, and the response then leaves its group."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")


Scoring = Callable[[Sequence[Response]], list[float | None]]
"""What each of some responses earns; a function, since it may keep a model in memory."""

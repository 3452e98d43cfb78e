"""Every person of a puzzle has the right role."""

from typing import ClassVar

from train_stages.rewards.answer import Answer
from train_stages.rewards.base import Example


class Assignment(Answer):
    """The reward of a right answer, for puzzles: every person has the right role, or nothing is earned."""

    name: ClassVar[str] = "assignment"
    paper: ClassVar[str] = "arXiv:2502.14768"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("#### {gold}", 1.0, task="knights_knaves"),
        Example("nobody can know", 0.0, task="knights_knaves"),
    )

"""A final answer can be read."""

from typing import ClassVar

from pydantic import Field

from synth.answers.outcome import Outcome
from train_stages.rewards.base import Example, Response, Reward


class Format(Reward):
    """1 when a final answer could be read, right or wrong, else 0."""

    name: ClassVar[str] = "format"
    paper: ClassVar[str] = "arXiv:2503.18892"
    examples: ClassVar[tuple[Example, ...]] = (Example("#### -1", 1.0), Example("I do not know.", 0.0))

    weight: float = Field(
        default=0.0,
        ge=0,
        description="Weight in the sum; a format reward hurts models that follow instructions badly (arXiv:2503.18892).",
    )

    def __call__(self, response: Response) -> float:
        """Return 1 or 0."""
        check = response.check
        return 1.0 if check.outcome is Outcome.CORRECT or check.answer is not None else 0.0

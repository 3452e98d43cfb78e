"""A final answer can be read."""

from typing import ClassVar

from pydantic import Field

from train_stages.rewards.base import Example, Response, Reward, readable


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
        return 1.0 if readable(response.check) else 0.0

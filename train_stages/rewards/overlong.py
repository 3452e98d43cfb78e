"""Responses that come near the longest length lose something."""

from typing import ClassVar

from pydantic import Field, model_validator

from train_stages.rewards.base import Example, Response, Reward


class Overlong(Reward):
    """0 up to `longest - margin` tokens, then falling to -1 at `longest`, and -1 beyond it."""

    name: ClassVar[str] = "overlong"
    paper: ClassVar[str] = "arXiv:2503.14476"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("#### {gold}", 0.0, {"longest": 100, "margin": 20}, tokens=80),
        Example("#### {gold}", -0.25, {"longest": 100, "margin": 20}, tokens=85),
        Example("#### {gold}", -1.0, {"longest": 100, "margin": 20}, tokens=101),
    )

    longest: int = Field(default=512, gt=0, description="The length, in tokens; write the stage's max_tokens.")
    margin: int = Field(
        default=128,
        gt=0,
        description="So many tokens before it the loss begins; a quarter, as in the paper (section 3.4).",
    )

    @model_validator(mode="after")
    def _shorter(self) -> "Overlong":
        if self.margin > self.longest:
            raise ValueError(f"margin = {self.margin} is more than longest = {self.longest}: set margin below it")
        return self

    def __call__(self, response: Response) -> float:
        """Return equation 13: 0 to -1."""
        return -min(1.0, max(0, response.tokens - self.longest + self.margin) / self.margin)

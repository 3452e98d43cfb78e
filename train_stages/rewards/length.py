"""Short right answers earn more than long ones, and long wrong ones lose less than short ones."""

from math import cos, pi
from typing import ClassVar

from pydantic import Field

from train_stages.rewards.base import Example, Response, Reward


class Length(Reward):
    """A right answer earns `right_short` down to `right_long`, a wrong one `wrong_short` up to `wrong_long`, along a cosine.

    Beside `answer` its weight is small; alone it says both whether an answer is right and how long it is.
    """

    name: ClassVar[str] = "length"
    paper: ClassVar[str] = "arXiv:2502.03373"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("#### {gold}", 1.0, {"longest": 100}, tokens=0),
        Example("#### {gold}", 0.75, {"longest": 100}, tokens=50),
        Example("#### {gold}", 0.5, {"longest": 100}, tokens=300),
        Example("#### -1", -1.0, {"longest": 100}, tokens=0),
        Example("#### -1", -0.75, {"longest": 100}, tokens=50),
    )

    weight: float = Field(default=0.1, ge=0, description="Weight in the sum; ours.")
    longest: int = Field(default=512, gt=0, description="The length, in tokens; write the stage's max_tokens.")
    right_short: float = Field(default=1.0, description="Of a right answer of no length; TRL's, as the others.")
    right_long: float = Field(default=0.5, description="Of a right answer of the longest length.")
    wrong_short: float = Field(default=-1.0, description="Of a wrong answer of no length.")
    wrong_long: float = Field(default=-0.5, description="Of a wrong answer of the longest length.")

    def __call__(self, response: Response) -> float | None:
        """Return equation 2; None for an answer that was read and cannot be decided."""
        correct = response.correct
        if correct is None:
            return None
        short, long = (self.right_short, self.right_long) if correct else (self.wrong_short, self.wrong_long)
        share = min(1.0, response.tokens / self.longest)
        return long + (short - long) * (1 + cos(pi * share)) / 2

"""Short responses earn something."""

from typing import ClassVar

from pydantic import Field

from train_stages.rewards.base import Example, Response, Reward


class Brief(Reward):
    """1 for an empty response, falling in a straight line to 0 at the longest that is of any worth."""

    name: ClassVar[str] = "example_brief"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("whatever", 0.75, {"most": 8}, tokens=2),
        Example("whatever", 0.0, {"most": 8}, tokens=9),
    )

    most: int = Field(default=64, ge=1, description="Tokens at which nothing is earned any more; ours.")

    def __call__(self, response: Response) -> float:
        """Return `max(0, 1 - tokens/most)`."""
        return max(0.0, 1 - response.tokens / self.most)

"""What the environment gives at the end of a dialogue."""

from typing import ClassVar

from train_stages.rewards.base import Example, Response, Reward


class Environment(Reward):
    """The reward of the environment that the problem was played in; 0 for a dialogue that did not end, nothing where the
    environment rewards none.
    """

    name: ClassVar[str] = "environment"
    examples: ClassVar[tuple[Example, ...]] = (
        Example("#### {gold}", 0.5, earned=0.5),
        Example("#### {gold}", None),
    )

    def __call__(self, response: Response) -> float | None:
        """Return what the environment said."""
        return response.earned

"""A reward model whose labels give in: iterative data smoothing."""

from typing import ClassVar

from pydantic import Field

from train_stages.losses.base import Example, Neutral
from train_stages.losses.bradley_terry import BradleyTerry


class SmoothedBradleyTerry(BradleyTerry):
    """`bradley_terry`, whose labels move towards the model after each pass, so that rare pairs do not drive scores to infinity."""

    name: ClassVar[str] = "smoothed_bradley_terry"
    paper: ClassVar[str] = "arXiv:2401.16335"
    examples: ClassVar[tuple[Example, ...]] = (
        # .9 log(1 + e^-1) + .1 log(1 + e)
        Example({"scores": [1.0], "others": [0.0], "labels": [0.9]}, [0.4132617]),
    )
    neutral: ClassVar[Neutral | None] = Neutral({"rate": 0.0}, "bradley_terry")

    rate: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="A label becomes (1 - rate) label + rate sigmoid(s_w - s_l); ours, the paper's is not known.",
    )

    @property
    def smoothing(self) -> float:
        """The rate."""
        return self.rate

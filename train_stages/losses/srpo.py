"""Two-staged history-resampling policy optimisation."""

from typing import ClassVar, Literal

from pydantic import Field

from train_stages.losses.base import Example
from train_stages.losses.dapo import Dapo
from train_stages.losses.inputs import RESPONSES


class Srpo(Dapo):
    """The average of DAPO with the clip of GRPO, on problems that were not all solved when they were last drawn.

    History resampling belongs to it: `resampling` is `history` unless the recipe says otherwise.
    """

    name: ClassVar[str] = "srpo"
    paper: ClassVar[str] = "arXiv:2504.14286"
    resampling: ClassVar[Literal["none", "history", "dynamic"]] = "history"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(RESPONSES, -0.0973657),  # (-1.2 - .740818 + 1.648721) / 3
    )

    epsilon_high: float | None = Field(default=None, gt=0, description="Upper clip; None takes epsilon.")
    mask_truncated: bool = Field(default=False, description="Leave responses that were cut off out of the loss.")

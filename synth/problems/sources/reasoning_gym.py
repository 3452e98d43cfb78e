"""The source `reasoning_gym`: one procedural task of the library reasoning-gym (arXiv:2505.24760), drawn by tier."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from synth.problems.base import Source
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """One of reasoning-gym's tasks (an extra: `pip install 'nightschool[reasoning-gym]'`)."""

    draws: ClassVar[str] = "reasoning_gym"
    example: ClassVar[Mapping[str, object]] = {"task": "countdown", "tiers": [1, 2]}

    task: str = Field(
        description="Its name in the library, such as countdown; `nightschool sources reasoning_gym` lists them."
    )
    tiers: tuple[int, ...] = Field(
        default=(1,), min_length=1, description="Levels of its curriculum, 1 is the easiest."
    )
    config: dict[str, Any] = Field(
        default_factory=dict, description="Options of the library for this task, instead of a tier's."
    )

    def open(self) -> Source:
        """Open the source; raises RecipeError where the task is not offered or the library is not installed."""
        from synth.problems.reasoning_gym.source import ReasoningGym

        return ReasoningGym(self.task, tiers=self.tiers, config=self.config)

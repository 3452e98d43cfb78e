"""Goals before their steps: a later line of the text is written ahead of time, between two marks."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from train_stages.transforms.base import ChatTransform, Example


class FutureGoal(ChatTransform):
    """Put a later line before an earlier one, marked as what is aimed at, and leave everything else as it is.

    "Looking beyond the next token" in our own words: only its abstract was read. A model that learned it can be asked to name its
    goal first (its turn is begun with the opening mark) or be given one. The line of the answer is never told ahead.
    """

    name: ClassVar[str] = "future_goal"
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 0.0}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "2 + 3 = 5\n5 * 2 = 10\n#### 10", "<goal>5 * 2 = 10</goal>\n2 + 3 = 5\n5 * 2 = 10\n#### 10", {"share": 1.0}
        ),
        Example("2 + 3 = 5\n#### 5", "2 + 3 = 5\n#### 5", {"share": 1.0}),  # nothing lies between
    )

    share: float = Field(default=0.5, ge=0, le=1, description="Of the rows, given a goal; ours.")
    opening: str = Field(default="<goal>", min_length=1, description="Before the goal; ours.")
    closing: str = Field(default="</goal>", min_length=1, description="After it; ours.")

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """Return the text with one later line, drawn like the place before it, told ahead."""
        *lines, answer = text.split("\n")
        drawn, place, ahead = rng.random(3)
        goals = [number for number, line in enumerate(lines) if number and line.strip()]
        if drawn >= self.share or not goals:
            return text
        goal = goals[int(ahead * len(goals))]
        before = int(place * goal)
        return "\n".join([*lines[:before], f"{self.opening}{lines[goal]}{self.closing}", *lines[before:], answer])

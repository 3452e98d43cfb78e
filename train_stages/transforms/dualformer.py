"""Structured dropping of a trace, so that one model can answer fast and slow."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from train_stages.transforms.base import ChatTransform, Example

DROPPED = (0.0, 0.3, 0.5, 0.7, 1.0)
"""Share of the lines before the last that each level drops, on average. Ours: the paper's levels drop clauses of a search."""


class Dualformer(ChatTransform):
    """Drop some or all lines before the answer: a level is drawn for each row, and it says how many.

    The paper draws a level for each batch anew; here a row keeps its level over the epochs of a stage. With `modes` a row begins
    with a token that says whether a trace follows, so that the model can be told to think (its turn is begun with the first) or to
    answer at once (with the second).
    """

    name: ClassVar[str] = "dualformer"
    paper: ClassVar[str] = "arXiv:2410.09918"
    neutral: ClassVar[Mapping[str, Any] | None] = {"levels": (1.0, 0.0, 0.0, 0.0, 0.0)}
    examples: ClassVar[tuple[Example, ...]] = (
        Example("2 + 3 = 5\n5 * 2 = 10\n#### 10", "#### 10", {"levels": (0, 0, 0, 0, 1)}),
        Example("2 + 3 = 5\n#### 5", "2 + 3 = 5\n#### 5", {"levels": (1, 0, 0, 0, 0)}),
        Example("2 + 3 = 5\n#### 5", "<fast>\n#### 5", {"levels": (0, 0, 0, 0, 1), "modes": ("<slow>", "<fast>")}),
        Example(
            "2 + 3 = 5\n#### 5", "<slow>\n2 + 3 = 5\n#### 5", {"levels": (1, 0, 0, 0, 0), "modes": ("<slow>", "<fast>")}
        ),
    )

    levels: tuple[float, float, float, float, float] = Field(
        default=(0.5, 0.15, 0.15, 0.1, 0.1),
        description="Probabilities of keeping all, of dropping 30, 50 and 70 % of the lines before the answer, and of the "
        "answer alone; ours for text, the paper's are for mazes and Sokoban.",
    )

    modes: tuple[str, str] | None = Field(
        default=None,
        description="Written before a text with some trace, and before one without any; None writes neither.",
    )

    @model_validator(mode="after")
    def _probabilities(self) -> "Dualformer":
        if min(self.levels) < 0 or abs(sum(self.levels) - 1) > 1e-6:
            raise ValueError("levels must be five probabilities that add up to 1")
        return self

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """Return the lines that are kept; the last one, and everything in a text of one line, always is."""
        *trace, answer = text.split("\n")
        rate = DROPPED[int(rng.choice(len(DROPPED), p=np.asarray(self.levels) / sum(self.levels)))]
        kept = [line for line, drawn in zip(trace, rng.random(len(trace)), strict=True) if drawn >= rate]
        mode = [] if self.modes is None else [self.modes[0 if any(line.strip() for line in kept) else 1]]
        return "\n".join([*mode, *kept, answer])

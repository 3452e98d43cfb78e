"""What a transform is: a pure function of a text and a random generator, applied before the text is encoded.

In `sft` it is given the last turn of the assistant, in the order of the recipe's list; turns of others are left alone, and
rows whose mask names parts of the text are too. What it draws depends on the stage's seed and the row's identity alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from storage.ids import seed_from
from train_stages.parts import Part

Chat = list[dict[str, str]]


@dataclass(frozen=True)
class Example:
    """A text worked out by hand, whatever the seed.

    Attributes:
        text: Before.
        expected: After.
        settings: Of the transform.
    """

    text: str
    expected: str
    settings: Mapping[str, Any] = field(default_factory=dict)


class Transform(Part):
    """Base of every transform.

    Attributes:
        keeps_last_line: The last line, which holds the answer, stays as it is.
        neutral: Settings at which nothing changes; None where there are none.
        examples: Texts worked out by hand, at least one.
    """

    keeps_last_line: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any] | None] = None
    examples: ClassVar[tuple[Example, ...]] = ()

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """Return the text as it is to be learned."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")


def transformed(chat: Sequence[Mapping[str, str]], transforms: Sequence[Transform], seed: int, row: str) -> Chat:
    """Apply transforms to the last turn of a chat, when it is the assistant's.

    Args:
        chat: The turns.
        transforms: One after the other.
        seed: Seed of the stage.
        row: Identity of the row.
    """
    turns = [dict(turn) for turn in chat]
    if transforms and turns and turns[-1]["role"] == "assistant":
        rng = np.random.default_rng(seed_from("transform", seed, row))
        for transform in transforms:
            turns[-1]["content"] = transform(turns[-1]["content"], rng)
    return turns

"""Rows whose text contradicts what a model remembers: an entity that the answer needs becomes another, everywhere in the row."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from train_stages.transforms.base import Chat, ChatTransform, Example

CAPITALS = (
    "Amsterdam", "Athens", "Berlin", "Bern", "Brussels", "Budapest", "Copenhagen", "Dublin", "Helsinki", "Lisbon", "London",
    "Madrid", "Oslo", "Paris", "Prague", "Rome", "Sofia", "Stockholm", "Vienna", "Warsaw",
)  # fmt: skip


class EntitySubstitution(ChatTransform):
    """Replace each entity of a kind that stands both in the question and in the reply by another of that kind, in all turns alike.

    "Entity-based knowledge conflicts" in our own words, of which only the abstract was read: learning such rows teaches a model to
    read its context instead of remembering. Entities that the reply has from nowhere but memory are left alone, since their row
    would become wrong.
    """

    name: ClassVar[str] = "entity_substitution"
    keeps_last_line: ClassVar[bool] = False
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 0.0}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            [
                {"role": "user", "content": "The Louvre is in Paris, not in Rome. Where is it?"},
                {"role": "assistant", "content": "In Paris."},
            ],
            [
                {"role": "user", "content": "The Louvre is in Bern, not in Rome. Where is it?"},
                {"role": "assistant", "content": "In Bern."},
            ],
            {"share": 1.0, "names": ("Paris", "Rome", "Bern")},
        ),
    )

    share: float = Field(default=0.5, ge=0, le=1, description="Of the rows, drawn one by one; ours.")
    names: tuple[str, ...] = Field(
        default=CAPITALS, min_length=2, description="Entities of one kind, which may stand for each other; ours."
    )

    def turns(self, chat: Chat, rng: np.random.Generator) -> Chat:
        """Return the chat with other entities; as it is where none stands on both sides, or none is left to take."""
        drawn, order = rng.random(), [self.names[number] for number in rng.permutation(len(self.names))]
        asked, reply = "\n".join(turn["content"] for turn in chat[:-1]), chat[-1]["content"]
        shared = [name for name in self.names if _named(name).search(asked) and _named(name).search(reply)]
        unused = [name for name in order if not _named(name).search(f"{asked}\n{reply}")]
        if drawn >= self.share or not shared or len(unused) < len(shared):
            return chat
        others = dict(zip(shared, unused, strict=False))
        either = re.compile("|".join(_named(name).pattern for name in sorted(others, key=len, reverse=True)))
        return [{**turn, "content": either.sub(lambda hit: others[hit[0]], turn["content"])} for turn in chat]


def _named(name: str) -> re.Pattern[str]:
    """A name as whole words."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")

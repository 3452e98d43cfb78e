"""What a transform is: a pure function of a row and a random generator, applied before the row is encoded.

* `ChatTransform` (stage `sft`) is given a chat, most of them the text of its last turn alone; rows whose mask names parts of the
  text are left alone.
* `DocumentTransform` (stage `cpt`) makes of a document a part that is given and a part that is learned.

Transforms are applied in the order of the recipe's list. What one draws depends on the stage's seed and the row's identity alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from storage.ids import seed_from
from train_stages.parts import Part

Chat = list[dict[str, str]]


@dataclass(frozen=True)
class Document:
    """A document as it is learned from.

    Attributes:
        given: Read before the rest, without loss; may be empty.
        learned: Carries loss.
    """

    given: str
    learned: str


@dataclass(frozen=True)
class Example:
    """A row worked out by hand, whatever the seed.

    Attributes:
        text: Before: the text of the last turn, or a document, or a whole chat.
        expected: After, in the same form; a `Document` where it was a document.
        settings: Of the transform.
    """

    text: str | Chat
    expected: str | Chat | Document
    settings: Mapping[str, Any] = field(default_factory=dict)


class Transform(Part):
    """Base of every transform.

    Attributes:
        stages: Stages that can use it.
        neutral: Settings at which nothing changes; None where there are none.
        examples: Rows worked out by hand, at least one.
    """

    stages: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[Mapping[str, Any] | None] = None
    examples: ClassVar[tuple[Example, ...]] = ()


class ChatTransform(Transform):
    """A transform of chats: of their last turn where it defines `__call__`, of all turns where it defines `turns`.

    Attributes:
        keeps_last_line: The last line, which holds the answer, stays as it is.
    """

    stages: ClassVar[tuple[str, ...]] = ("sft",)
    keeps_last_line: ClassVar[bool] = True

    def turns(self, chat: Chat, rng: np.random.Generator) -> Chat:
        """Return the chat as it is to be learned; its last turn is the assistant's."""
        return [*chat[:-1], {**chat[-1], "content": self(chat[-1]["content"], rng)}]

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """Return the text of the last turn as it is to be learned."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__, or turns")


class DocumentTransform(Transform):
    """A transform of documents of continued pre-training, each at most as long as a row may be."""

    stages: ClassVar[tuple[str, ...]] = ("cpt",)
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 0.0}

    share: float = Field(
        default=1.0, ge=0, le=1, description="Of the documents, drawn one by one; the rest stay as they are."
    )

    def __call__(self, text: str, rng: np.random.Generator) -> Document | None:
        """Return the document as it is to be learned; None where nothing can be made of it."""
        raise TypeError(f"{type(self).__name__} has no formula: define __call__")


def transformed(chat: Sequence[Mapping[str, str]], transforms: Sequence[ChatTransform], seed: int, row: str) -> Chat:
    """Apply transforms to a chat whose last turn is the assistant's; any other is left alone.

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
            turns = transform.turns(turns, rng)
    return turns


def transformed_document(text: str, transforms: Sequence[DocumentTransform], seed: int, row: str) -> Document:
    """Apply the first of the transforms that draws the document and can make something of it; else it is learned as it is.

    Args:
        text: The document.
        transforms: Tried one after the other.
        seed: Seed of the stage.
        row: Identity of the row.
    """
    rng = np.random.default_rng(seed_from("transform", seed, row))
    for transform in transforms:
        if rng.random() < transform.share and (made := transform(text, rng)) is not None:
            return made
    return Document("", text)

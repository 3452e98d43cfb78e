"""What a mask is: it makes of a row of a release the chats that are learned from, and says which parts carry loss."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from storage.messages import Message
from storage.releases.shapes import shaped
from synth.problems.base import Problem
from train_stages.parts import Part

Ask = Callable[[Problem], list[dict[str, str]]]
"""How a problem is put to a model."""


@dataclass(frozen=True)
class Chat:
    """A chat to learn from.

    Attributes:
        messages: Its turns, the last one the assistant's.
        spans: Parts of the last turn that carry loss, as character positions from (inclusive) and to (exclusive); None
            means every turn of the assistant.
    """

    messages: list[Message]
    spans: list[tuple[int, int]] | None = None


class Mask(Part):
    """Base of every mask."""

    def __call__(self, row: Mapping[str, Any], ask: Ask) -> list[Chat]:
        """Return the chats of a row: here the one that it is as an example, with loss on the assistant's turns.

        Args:
            row: A row of a release.
            ask: How a problem is put to a model, for chats that a row does not hold ready.
        """
        return [Chat(chat["messages"]) for chat in shaped([row], "messages")]

"""The source `chat_log`: questions from chat logs of one's own, without personal details."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from synth.problems.base import Source
from synth.problems.chats import ChatLog, Turn, read_phrases
from synth.problems.rows import FileRows
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Users' questions from a file of chats in OpenAI's format, a JSON object a line; it may be compressed.

    Addresses, telephone, card and account numbers are taken out before anything is stored; names are not, say them in `names`.
    """

    draws: ClassVar[str] = "open_question"
    example: ClassVar[Mapping[str, object]] = {"path": "chats.jsonl", "names": "names.txt"}

    path: Path = Field(description="The file; relative paths count from the recipe's folder.")
    name: str | None = Field(None, description="Name in rows; None takes the file's.")
    turn: Turn = Field(
        "first", description="User turns that are questions: the first of each chat, the last, or every one."
    )
    names: Path | None = Field(
        None,
        description="A file of names and other phrases, one a line, that are taken out as well; a file, so that they do not "
        "stand in the recipe, which is kept with each night.",
    )
    least_words: int = Field(3, ge=1, description="Fewest words of a question.")
    most_words: int = Field(400, ge=1, description="Most words of a question.")
    license: str = Field("unknown", description="Licence of the log.")

    @model_validator(mode="after")
    def _some_length(self) -> "Options":
        if self.least_words > self.most_words:
            raise ValueError(f"least_words is {self.least_words} and most_words {self.most_words}; no question is both")
        return self

    def open(self) -> Source:
        """Open the source."""
        return ChatLog(
            FileRows(self.path),
            self.name or self.path.stem,
            turn=self.turn,
            also=() if self.names is None else read_phrases(self.names),
            words=(self.least_words, self.most_words),
            license=self.license,
        )

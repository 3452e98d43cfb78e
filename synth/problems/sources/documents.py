"""The source `documents`: passages of documents of one's own, about which methods write questions."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from synth.problems.base import Source
from synth.problems.documents import Documents
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Passages of a text file, or of every `.txt`, `.md` and `.rst` file of a folder; cut where paragraphs end."""

    draws: ClassVar[str] = "passage"
    example: ClassVar[Mapping[str, object]] = {"path": "handbook", "most_words": 250}

    path: Path = Field(description="The file or folder; relative paths count from the recipe's folder.")
    name: str | None = Field(None, description="Name in rows; None takes the file's.")
    least_words: int = Field(40, ge=1, description="Fewest words of a passage.")
    most_words: int = Field(250, ge=1, description="Most words of a passage.")
    license: str = Field("unknown", description="Licence of the documents.")

    @model_validator(mode="after")
    def _some_length(self) -> "Options":
        if self.least_words > self.most_words:
            raise ValueError(f"least_words is {self.least_words} and most_words {self.most_words}; no passage is both")
        return self

    def open(self) -> Source:
        """Open the source."""
        return Documents(
            self.path, self.name or self.path.stem, words=(self.least_words, self.most_words), license=self.license
        )

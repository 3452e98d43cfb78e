"""The source `preferences`: questions with a better and a worse answer, as people said."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from synth.problems.base import Source
from synth.problems.preferences import Preferences
from synth.problems.rows import FileRows
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """A file of preferences (`.jsonl`, `.csv`, `.tsv` or `.parquet`); the method `judge_data` learns to judge from it."""

    draws: ClassVar[str] = "open_question"
    example: ClassVar[Mapping[str, object]] = {"path": "preferences.jsonl"}

    path: Path = Field(description="The file; relative paths count from the recipe's folder.")
    name: str | None = Field(None, description="Name in rows; None takes the file's.")
    question: str = Field(
        "prompt", min_length=1, description="Field of the question: a text, or a chat whose last turn it is."
    )
    chosen: str = Field("chosen", min_length=1, description="Field of the better answer, likewise.")
    rejected: str = Field("rejected", min_length=1, description="Field of the worse answer, likewise.")
    license: str = Field("unknown", description="Licence of the file.")

    def open(self) -> Source:
        """Open the source."""
        fields = (self.question, self.chosen, self.rejected)
        return Preferences(FileRows(self.path), self.name or self.path.stem, fields=fields, license=self.license)

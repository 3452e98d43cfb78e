"""The source `file`: a local file of problems."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from synth.problems.base import Source
from synth.problems.files import MappedSource
from synth.problems.rows import FileRows
from synth.problems.sources.base import MappedOptions


class Options(MappedOptions):
    """A local file with a mapping of its fields or the name of a built-in one.

    `.jsonl`, `.csv`, `.tsv` or `.parquet`; the first three also compressed (`.jsonl.gz`, `.csv.bz2`, `.tsv.zst`).

    `bad_gold` says what happens at a gold answer that does not verify or that its solution contradicts: `skip` or `stop`.
    """

    draws: ClassVar[str] = "math_word"
    example: ClassVar[Mapping[str, object]] = {
        "path": "problems.jsonl",
        "mapping": {"question": "question", "answer": "answer"},
    }

    path: Path = Field(description="The file; relative paths count from the recipe's folder.")
    name: str | None = Field(None, description="Name in rows; None takes the file's.")

    def open(self) -> Source:
        """Open the source."""
        return MappedSource(FileRows(self.path), self.mapping, self.name or self.path.stem, bad_gold=self.bad_gold)

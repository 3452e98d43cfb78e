"""The source `huggingface`: a data set of the Hub, or a folder in its layout."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from synth.problems.base import Source
from synth.problems.files import MappedSource
from synth.problems.rows import HubRows
from synth.problems.sources.base import MappedOptions


class Options(MappedOptions):
    """A data set of the Hugging Face hub by name, or a local folder in its layout."""

    draws: ClassVar[str] = "math_word"
    example: ClassVar[Mapping[str, object]] = {"dataset": "openai/gsm8k", "config": "main", "mapping": "gsm8k"}

    dataset: str = Field(min_length=1, description="Name on the Hub, or a folder.")
    config: str | None = Field(None, description="Configuration of the data set.")
    split: str = Field("train", description="Split that is read.")
    revision: str | None = Field(None, description="Commit or tag on the Hub.")
    name: str | None = Field(None, description="Name in rows; None takes the data set's.")

    def open(self) -> Source:
        """Open the source."""
        rows = HubRows(self.dataset, config=self.config, split=self.split, revision=self.revision)
        return MappedSource(rows, self.mapping, self.name or self.dataset.rpartition("/")[2], bad_gold=self.bad_gold)

"""What the options of several sources share."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synth.problems.base import Source
from synth.problems.files import MappedSource
from synth.problems.mapping import MAPPINGS, Mapping
from synth.problems.rows import FileRows, HubRows, Rows


class SourceOptions(BaseModel):
    """Base of a source's options: unknown names are errors. A subclass has a method `open() -> Source`.

    It says which task it `draws`, and gives an `example` of its options, for `nightschool sources`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class MappedOptions(SourceOptions):
    """Rows of any form, with a mapping of their fields or the name of a built-in one."""

    mapping: Mapping = Field(description=f"Which fields hold what, see below; or {' or '.join(MAPPINGS)}.")
    bad_gold: Literal["skip", "stop"] = Field(
        "skip", description="At a gold answer that does not verify or that its solution contradicts."
    )

    @field_validator("mapping", mode="before")
    @classmethod
    def _built_in(cls, mapping: object) -> object:
        if isinstance(mapping, str):
            if mapping not in MAPPINGS:
                raise ValueError(f"built-in mappings are {', '.join(MAPPINGS)}; or give question and answer")
            return MAPPINGS[mapping]
        return mapping


class BenchmarkOptions(SourceOptions):
    """A known data set: from `path` if it is given, else from the Hugging Face hub."""

    path: Path | None = Field(None, description="A local file instead of the Hub.")
    split: Literal["train", "test"] = Field("train", description="Split on the Hub.")
    revision: str | None = Field(None, description="Commit or tag on the Hub.")

    @model_validator(mode="after")
    def _one_place(self) -> "BenchmarkOptions":
        if self.path is not None and {"split", "revision"} & self.model_fields_set:
            raise ValueError("`split` and `revision` belong to the hub; leave them out beside `path`")
        return self

    def open_rows(self, name: str, dataset: str, config: str | None) -> Source:
        """Open the rows of a data set that is known by `name`, on the Hub as `dataset`."""
        rows: Rows
        if self.path is not None:
            rows = FileRows(self.path)
        else:
            rows = HubRows(dataset, config=config, split=self.split, revision=self.revision)
        return MappedSource(rows, MAPPINGS[name], name)

"""Options of the built-in sources as recipes write them, one model per source."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synth.problems.base import Source
from synth.problems.files import MappedSource
from synth.problems.mapping import MAPPINGS, Mapping
from synth.problems.rows import FileRows, HubRows, Rows


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArithmeticOptions(_Options):
    """Arithmetic word problems of these tiers."""

    tiers: tuple[int, ...] = Field(default=(1,), min_length=1)

    @field_validator("tiers")
    @classmethod
    def _known(cls, tiers: tuple[int, ...]) -> tuple[int, ...]:
        from synth.problems.arithmetic import TIERS

        unknown = [tier for tier in tiers if tier not in TIERS]
        if unknown:
            raise ValueError(f"there is no tier {unknown[0]}; the tiers are {', '.join(map(str, TIERS))}")
        return tiers

    def open(self) -> Source:
        """Open the source."""
        from synth.problems.arithmetic import Arithmetic

        return Arithmetic(tiers=self.tiers)


class _MappedOptions(_Options):
    mapping: Mapping
    bad_gold: Literal["skip", "stop"] = "skip"

    @field_validator("mapping", mode="before")
    @classmethod
    def _built_in(cls, mapping: object) -> object:
        if isinstance(mapping, str):
            if mapping not in MAPPINGS:
                raise ValueError(f"built-in mappings are {', '.join(MAPPINGS)}; or give question and answer")
            return MAPPINGS[mapping]
        return mapping


class FileOptions(_MappedOptions):
    """A local `.jsonl` or `.parquet` file, with a mapping of its fields or the name of a built-in one.

    `bad_gold` says what happens at a gold answer that does not verify or that its solution contradicts: `skip` or `stop`.
    """

    path: Path
    name: str | None = None

    def open(self) -> Source:
        """Open the source."""
        return MappedSource(FileRows(self.path), self.mapping, self.name or self.path.stem, bad_gold=self.bad_gold)


class HuggingFaceOptions(_MappedOptions):
    """A data set of the Hugging Face hub by name, or a local folder in its layout."""

    dataset: str = Field(min_length=1)
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    name: str | None = None

    def open(self) -> Source:
        """Open the source."""
        rows = HubRows(self.dataset, config=self.config, split=self.split, revision=self.revision)
        return MappedSource(rows, self.mapping, self.name or self.dataset.rpartition("/")[2], bad_gold=self.bad_gold)


class _Benchmark(_Options):
    """A known data set: from `path` if it is given, else from the Hugging Face hub."""

    path: Path | None = None
    split: Literal["train", "test"] = "train"
    revision: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "_Benchmark":
        if self.path is not None and {"split", "revision"} & self.model_fields_set:
            raise ValueError("`split` and `revision` belong to the hub; leave them out beside `path`")
        return self

    def _open(self, name: str, dataset: str, config: str | None) -> Source:
        rows: Rows
        if self.path is not None:
            rows = FileRows(self.path)
        else:
            rows = HubRows(dataset, config=config, split=self.split, revision=self.revision)
        return MappedSource(rows, MAPPINGS[name], name)


class Gsm8kOptions(_Benchmark):
    """GSM8K, 7,473 training and 1,319 test problems."""

    def open(self) -> Source:
        """Open the source."""
        return self._open("gsm8k", "openai/gsm8k", "main")


class SvampOptions(_Benchmark):
    """SVAMP, 1,000 problems: in one file as published, 700 and 300 on the hub."""

    def open(self) -> Source:
        """Open the source."""
        return self._open("svamp", "ChilleD/SVAMP", None)

"""The source `code`: a file of programming problems with unit tests, in the form of MBPP and its like."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from synth.problems.base import Source
from synth.problems.rows import FileRows
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """A `.jsonl` or `.parquet` file of programming problems: a prompt, the function's name, and its tests; needs bubblewrap."""

    draws: ClassVar[str] = "code"
    example: ClassVar[Mapping[str, object]] = {"path": "programs.jsonl"}

    path: Path = Field(description="The file.")
    prompt: str = Field("prompt", description="Field of the question.")
    tests: str = Field("tests", description="Field of the tests: assertions, or objects of args and expected.")
    entry_point: str = Field("entry_point", description="Field of the function's name.")
    solution: str = Field("solution", description="Field of a solution, which must pass the tests; rows may lack it.")
    license: str = Field("unknown", description="SPDX identifier of the rows.")
    name: str | None = Field(None, description="Name in rows; None takes the file's.")
    bad_gold: Literal["skip", "stop"] = Field(
        "skip", description="What happens at a row whose solution fails its tests, or whose tests are not read."
    )

    def open(self) -> Source:
        """Open the source; raises SandboxError without a sandbox."""
        from synth.problems.code.source import CodeSource

        fields = {
            "prompt": self.prompt,
            "tests": self.tests,
            "entry_point": self.entry_point,
            "solution": self.solution,
        }
        return CodeSource(FileRows(self.path), self.name or self.path.stem, fields, self.license, self.bad_gold)

"""The source `svamp`: word problems with varied wording (arXiv:2103.07191)."""

from collections.abc import Mapping
from typing import ClassVar

from synth.problems.base import Source
from synth.problems.sources.base import BenchmarkOptions


class Options(BenchmarkOptions):
    """SVAMP, 1,000 problems: in one file as published, 700 and 300 on the hub."""

    draws: ClassVar[str] = "math_word"
    example: ClassVar[Mapping[str, object]] = {"split": "train"}

    def open(self) -> Source:
        """Open the source."""
        return self.open_rows("svamp", "ChilleD/SVAMP", None)

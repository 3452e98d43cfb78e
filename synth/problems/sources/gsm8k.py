"""The source `gsm8k`: grade school mathematics (arXiv:2110.14168)."""

from collections.abc import Mapping
from typing import ClassVar

from synth.problems.base import Source
from synth.problems.sources.base import BenchmarkOptions


class Options(BenchmarkOptions):
    """GSM8K, 7,473 training and 1,319 test problems."""

    draws: ClassVar[str] = "math_word"
    example: ClassVar[Mapping[str, object]] = {"split": "train"}

    def open(self) -> Source:
        """Open the source."""
        return self.open_rows("gsm8k", "openai/gsm8k", "main")

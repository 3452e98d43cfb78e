"""The source `svamp`: word problems with varied wording (arXiv:2103.07191)."""

from synth.problems.base import Source
from synth.problems.sources.base import BenchmarkOptions


class Options(BenchmarkOptions):
    """SVAMP, 1,000 problems: in one file as published, 700 and 300 on the hub."""

    def open(self) -> Source:
        """Open the source."""
        return self.open_rows("svamp", "ChilleD/SVAMP", None)

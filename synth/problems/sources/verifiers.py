"""The source `verifiers`: tasks of an installed taskset of verifiers (https://github.com/primeintellect-ai/verifiers)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from synth.problems.base import Source
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Tasks of an installed taskset of verifiers 0.4: one question, one answer, scored by its own rewards (an extra)."""

    draws: ClassVar[str] = "verifiers"
    example: ClassVar[Mapping[str, object]] = {"taskset": "my-taskset", "license": "MIT"}

    taskset: str = Field(description="Name of the taskset: that of the installed package.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of its configuration.")
    license: str | None = Field(
        None, description="SPDX identifier of its problems; None takes what its distribution declares."
    )
    right_at: float = Field(1.0, description="Reward from which an answer is right.")

    def open(self) -> Source:
        """Open the source."""
        from synth.problems.tasksets.source import Taskset

        return Taskset(self.taskset, self.settings, self.license, self.right_at)

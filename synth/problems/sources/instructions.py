"""The source `instructions`: requests with constraints that a program verifies (IFEval, arXiv:2311.07911)."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from synth.problems.base import Source
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Requests with as many constraints as the tier says."""

    draws: ClassVar[str] = "instructions"
    example: ClassVar[Mapping[str, object]] = {"tiers": [1, 2]}

    tiers: tuple[int, ...] = Field(default=(1, 2), min_length=1, description="Numbers of constraints, 1 to 4.")
    constraints: tuple[str, ...] = Field(default=(), description="Those to draw from, by name; none draws from all.")
    personas: Path | None = Field(
        default=None,
        description="A file of personas, a line each (or JSON lines with `persona`), whom a request is written for "
        "(Tulu 3, arXiv:2411.15124); none writes for nobody.",
    )

    @field_validator("tiers")
    @classmethod
    def _few(cls, tiers: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= tier <= 4 for tier in tiers):
            raise ValueError("a request has 1 to 4 constraints")
        return tiers

    @field_validator("constraints")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from synth.problems.instructions.constraints import CONSTRAINTS

        unknown = [name for name in names if name not in CONSTRAINTS]
        if unknown:
            raise ValueError(f"there is no constraint {unknown[0]!r}; there are {', '.join(CONSTRAINTS)}")
        return names

    def open(self) -> Source:
        """Open the source."""
        from synth.problems.instructions.source import Instructions

        return Instructions(self.tiers, self.constraints, self.personas)

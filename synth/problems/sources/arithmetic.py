"""The source `arithmetic`: word problems drawn by tier."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, field_validator

from synth.problems.base import Source
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Arithmetic word problems of these tiers."""

    draws: ClassVar[str] = "arithmetic"
    example: ClassVar[Mapping[str, object]] = {"tiers": [1, 2]}

    tiers: tuple[int, ...] = Field(
        default=(1,), min_length=1, description="Difficulties to draw from: steps of a problem."
    )

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

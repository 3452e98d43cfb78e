"""The source `number_guessing`: hidden numbers, found in turns."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, field_validator

from synth.problems.base import Source
from synth.problems.number_guessing import MOST_TIER, NumberGuessing
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Hidden numbers of these tiers, which a model finds in turns by higher and lower."""

    draws: ClassVar[str] = "number_guessing"
    example: ClassVar[Mapping[str, object]] = {"tiers": [2, 3]}

    tiers: tuple[int, ...] = Field((3,), min_length=1, description="Tiers: n has numbers from 1 to 4 * 2**n.")

    @field_validator("tiers")
    @classmethod
    def _in_range(cls, tiers: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= tier <= MOST_TIER for tier in tiers):
            raise ValueError(f"tiers are 1 to {MOST_TIER}")
        return tiers

    def open(self) -> Source:
        """Open the source."""
        return NumberGuessing(self.tiers)

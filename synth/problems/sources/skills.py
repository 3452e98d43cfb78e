"""The source `skills`: word problems that take so many kinds of calculation, with a program behind each."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from storage.unknown_names import unknown
from synth.problems.base import Source
from synth.problems.skills.library import SKILLS
from synth.problems.sources.base import SourceOptions


class Options(SourceOptions):
    """Problems of so many skills each; hold some skills out of training by `without`, and evaluate on those alone."""

    draws: ClassVar[str] = "skills"
    example: ClassVar[Mapping[str, object]] = {"tiers": [1, 2, 3], "without": ["average", "ratio"]}

    tiers: tuple[int, ...] = Field(
        (1, 2, 3), min_length=1, description="Skills per problem; the paper trains on 1 to 3, and tests on 2 to 5."
    )
    skills: tuple[str, ...] = Field(tuple(SKILLS), min_length=1, description="Skills to draw from.")
    without: tuple[str, ...] = Field((), description="Skills that are held out.")

    @field_validator("skills", "without")
    @classmethod
    def _there_are(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in SKILLS:
                raise ValueError(unknown("skill", name, SKILLS))
        return names

    @model_validator(mode="after")
    def _enough(self) -> "Options":
        left = set(self.skills) - set(self.without)
        if not all(1 <= count <= len(left) for count in self.tiers):
            raise ValueError(
                f"tiers {list(self.tiers)}: {len(left)} skills are left to draw from; name fewer per problem"
            )
        return self

    def open(self) -> Source:
        """Open the source."""
        from synth.problems.skills.source import Skills

        return Skills(self.tiers, sorted(set(self.skills) - set(self.without)))

"""The source `knights_knaves`: puzzles drawn by the number of people (arXiv:2505.13718)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synth.problems.base import Source
from synth.problems.sources.base import SourceOptions

RolePair = tuple[str, str]


class Options(SourceOptions):
    """Knights and Knaves puzzles with so many people, drawn in equal shares."""

    draws: ClassVar[str] = "knights_knaves"
    example: ClassVar[Mapping[str, object]] = {"people": [2, 3]}

    people: tuple[int, ...] = Field(
        default=(2, 3), min_length=1, description="People of a puzzle; their number is its tier."
    )
    style: Literal["full", "compact"] = "full"
    roles: RolePair | None = Field(
        default=None, description="Words for those who tell the truth and those who lie, such as [saint, sinner]."
    )
    perturb: Literal["statement", "leaf", "role_words", "flipped", "uncommon_names", "reordered"] | None = Field(
        default=None, description="Draw a perturbation of each puzzle instead of it (mem-kk-logic, arXiv:2505.13718)."
    )

    @field_validator("people")
    @classmethod
    def _few(cls, people: tuple[int, ...]) -> tuple[int, ...]:
        if not all(2 <= count <= 8 for count in people):
            raise ValueError("a puzzle has 2 to 8 people")
        return people

    @field_validator("roles")
    @classmethod
    def _two_words(cls, roles: RolePair | None) -> RolePair | None:
        if roles is not None and (roles[0] == roles[1] or not all(word.isalpha() and word.islower() for word in roles)):
            raise ValueError("give two different words in lower case")
        return roles

    @model_validator(mode="after")
    def _fit(self) -> "Options":
        if self.style == "compact" and (self.roles or self.perturb not in (None, "statement", "leaf")):
            raise ValueError("the compact wording has no other words; use style: full")
        return self

    def open(self) -> Source:
        """Open the source."""
        from synth.problems.knights_knaves import KnightsKnaves

        return KnightsKnaves(people=self.people, style=self.style, roles=self.roles, perturb=self.perturb)

"""Shares of sources in continued pre-training."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PhaseConfig(BaseModel):
    """One phase of a mixture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(default=1.0, gt=0, description="Share of all tokens, in proportion to the other phases.")
    weights: dict[str, float] = Field(
        min_length=1,
        description="Share of the phase's tokens by source; `rows` stands for every source that is not named, `general` "
        "for the replayed text.",
    )

    @model_validator(mode="after")
    def _some(self) -> "PhaseConfig":
        if any(weight < 0 for weight in self.weights.values()) or not sum(self.weights.values()):
            raise ValueError("weights must not be negative, and some must be positive")
        return self


class MixtureConfig(BaseModel):
    """A mixture of sources by tokens. Two phases: diverse first, then what matters most (arXiv:2412.15285)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phases: tuple[PhaseConfig, ...] = Field(min_length=1, description="One after the other.")
    most_epochs: dict[str, float] = Field(
        default_factory=dict, description="A source is repeated at most so often; `rows` for those that are not named."
    )
    general: str | None = Field(
        default=None,
        description="Parquet or JSONL file with a column `text`: general text, replayed against forgetting as source `general`.",
    )

    def cap(self, source: str) -> float:
        """Most passes over a source; 4 unless said otherwise, our choice."""
        return self.most_epochs.get(source, self.most_epochs.get("rows", 4.0))

"""Sampling parameters as a recipe, a model's card or a family says them."""

from pydantic import BaseModel, ConfigDict, Field


class SamplingSpec(BaseModel):
    """Sampling parameters that somebody says something about; None leaves one to the next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(None, ge=0, le=10, description="0 is greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus share.")
    top_k: int | None = Field(None, ge=0, description="Only the k likeliest tokens; 0 keeps all.")
    min_p: float | None = Field(
        None, ge=0, le=1, description="Only tokens at least so likely, relative to the likeliest."
    )
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Against tokens that were written already.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="The same, in proportion to how often.")
    repetition_penalty: float | None = Field(
        None, gt=0, description="Divides the logits of tokens that were seen; 1 is none."
    )
    max_tokens: int | None = Field(None, ge=1, description="Upper bound on a completion.")

    def given(self) -> dict[str, float]:
        """Return the parameters that are said, by name."""
        return self.model_dump(exclude_none=True)

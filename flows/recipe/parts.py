"""The parts of a recipe: problems, methods, budget, base."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_LONGEST_S = 366 * 86400


class Part(BaseModel):
    """A part: what is misspelt is refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSpec(Part):
    """Where problems come from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name in rows and reports.")
    kind: str = Field(description="Source: arithmetic, knights_knaves, gsm8k, svamp, file, hub, or one of your own.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the source.")
    limit: int | None = Field(None, ge=1, description="At most this many problems a night; None takes problems.limit.")
    tier: int | Literal["frontier"] | None = Field(
        None, description="A tier, or `frontier`: the lowest tier that the student has not mastered yet."
    )
    heldout: int = Field(0, ge=0, description="Problems per tier kept for the promotion test, never trained on.")
    validation: int = Field(
        0, ge=0, description="Problems per tier kept for choices during training, never trained on."
    )
    tiers: tuple[int, ...] = Field(
        (1,), description="Tiers that held-out problems are drawn from, and the frontier's range."
    )


class UntilSpec(Part):
    """When a night that draws in rounds has enough. Budget and clock stay hard stops."""

    accepted: int = Field(
        ge=1, description="Rows: no further round is drawn once so many of the night would be accepted."
    )
    rounds: int = Field(20, ge=1, le=1000, description="Rounds at most; each draws as many problems as `limit` says.")


class ProblemsSpec(Part):
    """The night's problems."""

    sources: tuple[SourceSpec, ...] = Field(min_length=1, description="Sources, see below.")
    limit: int = Field(1000, ge=1, description="At most this many problems a night from each source.")
    until: UntilSpec | None = Field(
        None, description="Draw round after round until enough rows would be accepted; None draws once."
    )
    seed: int = Field(0, ge=0, description="Seed of procedural sources, together with the logical date.")
    fresh: bool = Field(True, description="Leave out problems that earlier nights had, by canonical structure.")

    @model_validator(mode="after")
    def _names_differ(self) -> "ProblemsSpec":
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"source names must differ: {', '.join(names)}")
        return self


class MethodSpec(Part):
    """How samples are written."""

    method: str = Field(description="Name of the method: `nightschool methods` lists them.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its parameters, see below.")
    sources: tuple[str, ...] | None = Field(None, description="Sources it works on; None means every one it can.")
    limit: int | None = Field(None, ge=1, description="At most this many problems of a source.")
    repetitions: int = Field(1, ge=1, le=1000, description="Attempts per problem.")
    prompts: dict[str, str] = Field(
        default_factory=dict, description="Files to use instead of prompts, by name, in this entry only."
    )


class BudgetSpec(Part):
    """A hard stop for one night."""

    calls: int | None = Field(
        None,
        ge=0,
        description="Calls: answers, those that cannot be used included, questions that a server refuses, and tries that it may "
        "have worked on. What it turns away as too busy is none, nor is a sign of life (one token).",
    )
    tokens: int | None = Field(None, ge=0, description="Tokens read and written.")
    cost: float | None = Field(None, ge=0, description="In the currency of the models' prices.")
    failures: float | None = Field(
        0.5, ge=0, le=1, description="Share of attempts that may fail; when more do, the night stops early. None: all."
    )
    finish_by: str | float | None = Field(
        None,
        description="Time of day (UTC) by which the night must be through with asking, '06:00', or seconds from its start.",
    )

    @field_validator("finish_by")
    @classmethod
    def _a_time(cls, value: str | float | None) -> str | float | None:
        if isinstance(value, str):
            try:
                moment = time.fromisoformat(value)
            except ValueError:
                raise ValueError("write a time of day, '06:00', or a number of seconds") from None
            if moment.tzinfo is not None:
                raise ValueError("write a time of day in UTC, '06:00', without a time zone")
        elif value is not None and not 0 < value <= _LONGEST_S:
            raise ValueError("must be a positive number of seconds, at most a year")
        return value

    def deadline(self, start: datetime) -> datetime | None:
        """Return when a night that starts at `start` must be through with asking."""
        if self.finish_by is None:
            return None
        if not isinstance(self.finish_by, str):
            return start + timedelta(seconds=self.finish_by)
        today = datetime.combine(start.date(), time.fromisoformat(self.finish_by), tzinfo=UTC)
        return today if today > start else today + timedelta(days=1)


class BaseSpec(Part):
    """The untrained model that the first night starts from, when a model is `promoted` and none was."""

    checkpoint: str | None = Field(
        None, description="A Hugging Face folder or hub name; None makes a tiny model from scratch."
    )
    tiny: dict[str, Any] = Field(default_factory=dict, description="Sizes of the tiny model.")
    template: Literal["plain"] | None = Field(
        None,
        description="`plain` gives the copy of a checkpoint a plain prompt as its chat template, where it was never taught one; "
        "None leaves the checkpoint's own.",
    )

    @model_validator(mode="after")
    def _of_a_checkpoint(self) -> "BaseSpec":
        if self.template is not None and self.checkpoint is None:
            raise ValueError("template is for a checkpoint, a tiny model has one of its own: leave it out")
        return self

"""What an experiment compares, and at which cost."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from storage.errors import RecipeError
from train_stages.config import SftConfig
from train_stages.promotion.evaluate import EvaluateConfig

ArmName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")]
"""Names of arms are names of files."""


class Arm(BaseModel):
    """One way to spend the budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str = Field(
        default="true", description="SQL condition over the columns of the release, for example method = 'tutorship'."
    )
    shape: Literal["messages", "text"] = Field(
        default="messages", description="`messages` learns answers only, `text` every token of plain text."
    )
    train: dict[str, Any] = Field(
        default_factory=dict, description="Settings of a stage `sft` that differ from the experiment's own `train`."
    )


class ExperimentConfig(BaseModel):
    """What is compared, and at which cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str = Field(description="`name@version`, or the latest of `name`.")
    arms: dict[ArmName, Arm] = Field(min_length=2, description="What is compared, by name.")
    tokens: int = Field(gt=0, description="Tokens that each arm is trained on; rows repeat where there are fewer.")
    before: str | None = Field(
        default=None, description="SQL condition of rows that a model learns before all arms of its seed start from it."
    )
    before_tokens: int = Field(default=100_000, gt=0, description="Tokens of that training.")
    common: str | None = Field(default=None, description="SQL condition of rows that every arm learns afterwards.")
    common_rows: int = Field(default=200, ge=1, description="How many of these; no arm learns them before.")
    common_tokens: int = Field(default=50_000, gt=0, description="Tokens of that training.")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, description="One training per arm and seed.")
    train: SftConfig = Field(SftConfig(), description="Settings of every arm, those of a stage `sft`.")
    evaluate: EvaluateConfig = Field(EvaluateConfig(), description="How every arm is examined.")

    @model_validator(mode="after")
    def _arms_train(self) -> "ExperimentConfig":
        for name in self.arms:
            try:
                self.training(name)
            except RecipeError as error:
                raise RecipeError(f"experiment.arms.{name}.train.{error}") from None
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, ("arms", name, "train", *first["loc"])))
                raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
        return self

    def training(self, arm: str) -> SftConfig:
        """Return how an arm is trained: the settings of all, with its own in their place, on the tokens of all."""
        own = self.arms[arm].train
        fixed = sorted({"budget_tokens", "epochs"} & set(own))
        if fixed:
            raise ValueError(f"arms.{arm}.train.{fixed[0]}: every arm has the same `tokens`; leave it out")
        shared = self.train.model_dump(mode="json", exclude_unset=True, exclude={"epochs"})
        return SftConfig.model_validate({**shared, **own, "budget_tokens": self.tokens})

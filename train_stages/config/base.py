"""Settings that stages share: `TrainConfig` has what every stage uses, `RowsConfig` what those use that learn from rows."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from train_stages.config.adapter import AdapterConfig
from train_stages.optimisers import OPTIMISERS
from train_stages.optimisers.base import Optimiser
from train_stages.parts import validated
from train_stages.regularisers import REGULARISERS
from train_stages.regularisers.base import Regulariser
from train_stages.schedules import SCHEDULES
from train_stages.schedules.base import Schedule

Config = TypeVar("Config", bound=BaseModel)

WATCHING = ("save_every", "log_every", "report_to")
"""Settings that change nothing of what a stage makes."""
ADAMW = {"kind": "adamw"}
WARMUP_STABLE_DECAY = {"kind": "warmup_stable_decay", "warmup": 0.02, "decay": 0.5}


def read_config(model: type[Config], options: Mapping[str, Any], key: str) -> Config:
    """Validate the options of a stage.

    Args:
        model: The settings of the stage.
        options: What is set.
        key: Where they stand: `train.plan.0.sft`.

    Raises:
        RecipeError: An option is unknown, is ignored by the stage, or is out of range; the message names it, and what
            would be right.
    """
    instead = model.instead_of if issubclass(model, StageConfig) else lambda name: None
    return validated(model, options, key, instead)


class StageConfig(BaseModel):
    """Settings of a stage, also of one that trains nothing.

    Attributes:
        instead: What to write instead of settings that the stage does not have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instead: ClassVar[Mapping[str, str]] = {}

    @property
    def launcher(self) -> Mapping[str, Any]:
        """How the stage's process is started, see `train_stages.process.launch.launch`; plainly unless it says otherwise."""
        return {}

    @classmethod
    def instead_of(cls, name: str) -> str | None:
        """Return what to write instead of a setting that the stage does not have; None when nothing in particular."""
        for parent in cls.__mro__:
            remedies = vars(parent).get("instead", {})
            if name in remedies:
                return f"there is no such setting: {remedies[name]}"
        return None


class TrainConfig(StageConfig):
    """Settings of every stage that trains. The defaults suit a pre-trained model on one GPU; `recipes/` holds the toy's."""

    instead: ClassVar[Mapping[str, str]] = {
        "loss_type": "write loss: NAME, or loss: {kind: NAME, ...}",
        "warmup": "write schedule: {warmup: ...}",
        "decay": "write schedule: {decay: ...}",
        "adamw_learning_rate": "write optimiser: {kind: muon, adamw_learning_rate: ...}",
        "beta": "write loss: {beta: ...}",
        "reward": "write rewards: [...]; rl alone has them",
        "strategy": "write order: NAME; sft and cpt have it",
    }

    micro_batch_tokens: int | None = Field(
        default=None, gt=0, description="Tokens that go through the model at once; None takes the whole batch."
    )
    adapter: AdapterConfig | None = Field(
        default=None,
        description="Train a low-rank adapter beside the frozen weights instead of the weights; `{}` takes its defaults. The "
        "learning rate is then ten times the stage's own default, unless it is given.",
    )
    max_length: int = Field(default=2048, gt=0, description="Longest row, in tokens.")
    optimiser: Annotated[SerializeAsAny[Optimiser], OPTIMISERS.field(Optimiser, ADAMW)] = Field(
        default_factory=OPTIMISERS.default(Optimiser, ADAMW), description="The rule by which weights are changed."
    )
    schedule: Annotated[SerializeAsAny[Schedule], SCHEDULES.field(Schedule, WARMUP_STABLE_DECAY)] = Field(
        default_factory=SCHEDULES.default(Schedule, WARMUP_STABLE_DECAY),
        description="How the learning rate changes over the steps.",
    )
    regularisers: Annotated[tuple[SerializeAsAny[Regulariser], ...], REGULARISERS.fields(Regulariser)] = Field(
        default=(), description="What keeps the training from changing more than it should, one after the other."
    )
    learning_rate: float = Field(
        default=1e-5, gt=0, description="Peak learning rate; with `muon`, that of the matrices."
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay.")
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 leaves them alone."
    )
    gradient_checkpointing: bool = Field(default=False, description="Trade compute for memory.")
    weights: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Precision of the weights on a GPU; computation is in bfloat16 there either way."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto` takes the GPU when there is one, `cuda` refuses to start without one."
    )
    threads: int = Field(
        default=1, ge=1, description="Threads on a CPU; on shared cores more than one can be far slower."
    )
    log_every: int = Field(default=10, ge=1, description="Steps between two entries of the log history.")
    report_to: tuple[Literal["wandb", "mlflow", "trackio", "tensorboard"], ...] = Field(
        default=(),
        description="Trackers that are told of the curves too, through transformers' own callbacks; each reads where to and with "
        "which key from its environment variables. The lake's `curves` have them in any case.",
    )
    save_every: int | None = Field(
        default=None,
        ge=1,
        description="Steps between two states that a killed stage goes on from; None takes a tenth of the steps.",
    )
    accelerate: str | None = Field(
        default=None,
        description="Start through `accelerate launch`: `ddp`, `fsdp`, `deepspeed`, or a configuration file of yours.",
    )
    processes: int | None = Field(
        default=None, ge=1, description="With accelerate, processes on this machine; None is one for each GPU."
    )

    @property
    def tokens_at_once(self) -> int:
        """Tokens that go through the model at once, about."""
        return self.micro_batch_tokens or self.max_length

    @property
    def kept_copies(self) -> int:
        """Copies of the trained weights that its regularisers keep."""
        kept = [(part.keeps_parent, part.keeps_last, part.needs_importance) for part in self.regularisers]
        return sum(any(flags) for flags in zip(*kept, strict=True))

    @property
    def launcher(self) -> Mapping[str, Any]:
        """How the stage's process is started."""
        return {"accelerate": self.accelerate, "processes": self.processes}

    @model_validator(mode="before")
    @classmethod
    def _rate_of_adapters(cls, given: Any) -> Any:
        """Adapters want about ten times the rate of whole weights (https://thinkingmachines.ai/blog/lora/)."""
        if not isinstance(given, Mapping) or given.get("adapter") is None or "learning_rate" in given:
            return given
        default = cls.model_fields["learning_rate"].default
        return {**given, "learning_rate": 10 * default} if isinstance(default, float) else given

    @model_validator(mode="after")
    def _used(self) -> "TrainConfig":
        if self.adapter is not None and self.optimiser.name == "muon":
            raise ValueError("optimiser: muon is for whole matrices, an adapter has narrow ones: set optimiser: adamw")
        if self.regularisers and self.accelerate in ("fsdp", "deepspeed"):
            raise ValueError("regularisers look at whole weights: set accelerate: ddp, or leave them out")
        if self.processes is not None and self.accelerate is None:
            raise ValueError("processes is for accelerate: set accelerate: ddp too, or leave it out")
        return self


class RowsConfig(TrainConfig):
    """Settings of stages that learn from rows, several times over if need be."""

    epochs: float = Field(default=1.0, gt=0, description="Passes over the rows.")
    batch_tokens: int = Field(
        default=16_384, gt=0, description="Tokens in an optimiser step, of all processes, by the mean length of a row."
    )

    @property
    def tokens_at_once(self) -> int:
        """Tokens that go through the model at once, about."""
        return self.micro_batch_tokens or self.batch_tokens

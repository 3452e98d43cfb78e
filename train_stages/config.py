"""What every training stage can be told."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.errors import RecipeError

Config = TypeVar("Config", bound=BaseModel)


def read_config(model: type[Config], options: Mapping[str, Any], key: str) -> Config:
    """Validate the options of a stage.

    Raises:
        RecipeError: An option is unknown or out of range; the message names it.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *map(str, first["loc"])])
        raise RecipeError(
            f"{where}: {first['msg'].removeprefix('Value error, ')} (given: {first['input']!r})"
        ) from None


class TrainConfig(BaseModel):
    """Settings that the stages share. The defaults suit a pre-trained model on one GPU; `recipes/` holds the toy's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: float = Field(default=1.0, gt=0, description="Passes over the rows.")
    budget_tokens: int | None = Field(
        default=None,
        gt=0,
        description="Train on about so many tokens, prompts included; replaces `epochs`, may repeat rows.",
    )
    batch_tokens: int = Field(
        default=16_384, gt=0, description="Tokens in an optimiser step, of all processes, by the mean length of a row."
    )
    micro_batch_tokens: int | None = Field(
        default=None, gt=0, description="Tokens that go through the model at once; None takes the whole batch."
    )
    max_length: int = Field(default=2048, gt=0, description="Longest row, in tokens.")
    optimiser: Literal["adamw", "muon"] = Field(
        default="adamw", description="`muon` is Muon for matrices and AdamW for the rest, on one device."
    )
    learning_rate: float = Field(
        default=1e-5, gt=0, description="Peak learning rate; with `muon`, that of the matrices."
    )
    adamw_learning_rate: float = Field(
        default=3e-3, gt=0, description="With `muon`, the peak learning rate of the rest."
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay.")
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 leaves them alone."
    )
    warmup: float = Field(default=0.02, ge=0, le=1, description="Share of the steps in which the learning rate rises.")
    decay: float = Field(default=0.5, ge=0, le=1, description="Share of the steps, at the end, in which it falls to 0.")
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
        return self.micro_batch_tokens or self.batch_tokens


class OrderConfig(BaseModel):
    """In which order rows are learned from. The order that was used is kept beside the weights, in `order.parquet`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Literal["random", "easy_to_hard", "hard_to_easy", "cyclical", "blocked", "interleaved", "two_set"] = (
        Field(
            default="random",
            description="`cyclical`: Cyclical Curriculum Learning; `interleaved`: levels together over subjects (CORGI, "
            "arXiv:2310.09518), `blocked`: one subject after the other, its control; `two_set`: arXiv:2410.07041.",
        )
    )
    start: float = Field(default=0.25, gt=0, le=1, description="cyclical: share of the rows in the smallest cycle.")
    end: float = Field(default=1.0, gt=0, le=1, description="cyclical: share of the rows in the largest cycle.")
    alpha: float = Field(default=0.5, gt=0, lt=1, description="cyclical: factor from one cycle's size to the next.")
    share: float = Field(
        default=0.05, gt=0, lt=1, description="two_set: share of the rows that is repeated; our choice."
    )
    probability: float = Field(
        default=0.25, gt=0, lt=1, description="two_set: probability that a draw comes from the repeated rows."
    )
    most_repeats: int = Field(
        default=50, ge=1, description="two_set: a repeated row is seen at most so often; our choice."
    )

    @model_validator(mode="after")
    def _rising(self) -> "OrderConfig":
        if self.start > self.end:
            raise ValueError(f"start ({self.start}) must not exceed end ({self.end})")
        return self


class SftConfig(TrainConfig):
    """Supervised fine-tuning: the loss is on the assistant's turns only."""

    packing: bool = Field(
        default=False,
        description="Put several rows, isolated from each other, into one sequence of `max_length` tokens (best fit).",
    )
    order: OrderConfig = OrderConfig()
    step_mask: bool = Field(
        default=False,
        description="Also learn from a student's attempts whose steps were labelled (critique, step labels): loss on right steps.",
    )


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


class CptConfig(TrainConfig):
    """Continued pre-training: the loss is on every token. Texts longer than `max_length` are cut into pieces."""

    packing: Literal["none", "best_fit", "wrapped"] = Field(
        default="none",
        description="`best_fit` isolates documents from each other, `wrapped` runs one after the other without a gap.",
    )
    order: OrderConfig = OrderConfig()
    mixture: MixtureConfig | None = Field(
        default=None,
        description="Shares of the sources by tokens, in phases; replaces `order`. None takes the rows as they are.",
    )


class PreferenceConfig(TrainConfig):
    """Preference training. The defaults are Tulu 3's (arXiv:2411.15124, 8B): length-normalised DPO, linear decay."""

    loss_type: Literal["sigmoid_norm", "sigmoid", "hinge", "ipo", "nca_pair", "robust", "apo_zero", "orpo", "kto"] = (
        Field(
            default="sigmoid_norm",
            description="By the name TRL gives it: `sigmoid_norm` is DPO normalised by length, `sigmoid` is DPO "
            "(arXiv:2305.18290), `orpo`: arXiv:2403.07691, `kto`: arXiv:2402.01306.",
        )
    )
    beta: float = Field(
        default=5.0,
        gt=0,
        description="Strength of the tie to the reference: 5 with length normalisation, about 0.1 without; for ORPO its lambda.",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="`robust`: share of pairs that may be the wrong way round."
    )
    learning_rate: float = Field(default=5e-7, gt=0, description="Peak learning rate.")
    batch_tokens: int = Field(
        default=131_072, gt=0, description="Tokens in an optimiser step, both answers of a pair counted."
    )
    warmup: float = Field(default=0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises.")
    decay: float = Field(default=0.9, ge=0, le=1, description="Share of the steps, at the end, in which it falls to 0.")


class RlConfig(TrainConfig):
    """Reinforcement learning from verifiable rewards (GRPO and its relatives, on-policy)."""

    steps: int = Field(default=100, gt=0, description="Optimiser steps; each draws fresh prompts.")
    prompts_per_step: int = Field(default=8, gt=0, description="Problems in a step.")
    samples: int = Field(default=8, ge=2, description="Responses to each problem; they are each other's baseline.")
    temperature: float = Field(default=1.0, gt=0, description="Sampling temperature of the rollouts.")
    max_tokens: int = Field(default=512, gt=0, description="Longest response.")
    loss_type: Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo"] = Field(
        default="dr_grpo", description="By the name TRL gives it; dr_grpo: arXiv:2503.20783, dapo: arXiv:2503.14476."
    )
    variant: Literal["grpo", "dr_grpo", "dapo", "srpo"] | None = Field(
        default=None,
        description="Sets what its paper says of `loss_type`, `scale_rewards`, `epsilon_high`, `mask_truncated` and "
        "`resampling`, unless they are given too.",
    )
    resampling: Literal["none", "history", "dynamic"] = Field(
        default="none",
        description="`history`: an epoch leaves out problems whose responses were all right (SRPO, arXiv:2504.14286); "
        "`dynamic`: groups without an advantage are sampled again with other problems (DAPO).",
    )
    resampling_rounds: int = Field(
        default=4, ge=1, description="dynamic: further rounds of sampling in a step; our choice."
    )
    difficulty: Literal["stored", "measured", "all"] = Field(
        default="stored",
        description="Leave out problems that the model solves always or never: by `stored` attempts of the model that RL "
        "starts from, where the lake has them; `measured` before RL begins; `all` leaves none out.",
    )
    least_tries: int = Field(
        default=8, ge=2, description="Fewer attempts say nothing about a problem; so many are made when measured."
    )
    format_weight: float = Field(
        default=0.0, ge=0, description="Reward for an answer that can be read, right or wrong; right answers earn 1."
    )
    rollouts: Literal["auto", "transformers", "vllm"] = Field(
        default="auto",
        description="Who writes the responses. `auto`: the server of `rollout_endpoint`, or on one GPU a vLLM of our own "
        "where it is installed, else this process.",
    )
    rollout_endpoint: str | None = Field(
        default=None, pattern=r"^https?://", description="A vLLM server in development mode that sees the same files."
    )
    rollout_memory: float = Field(
        default=0.3, gt=0, lt=1, description="Share of a GPU's memory that our own server takes; training has the rest."
    )
    epsilon: float = Field(default=0.2, gt=0, description="The probability ratio is clipped at 1 - epsilon.")
    epsilon_high: float | None = Field(
        default=None, gt=0, description="And at 1 + epsilon_high (DAPO's clip-higher: 0.28); None takes epsilon."
    )
    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="none",
        description="Divide advantages by the standard deviation of the group or the batch; Dr. GRPO does not.",
    )
    beta: float = Field(default=0.0, ge=0, description="Weight of the KL term; 0 loads no reference model.")
    mask_truncated: bool = Field(default=False, description="Leave responses that were cut off out of the loss.")
    learning_rate: float = Field(default=1e-6, gt=0, description="Peak learning rate.")
    decay: float = Field(default=0.5, ge=0, le=1, description="Share of the steps, at the end, in which it falls to 0.")

    @property
    def tokens_at_once(self) -> int:
        """Tokens of responses that go through the model at once, at most."""
        return self.micro_batch_tokens or self.prompts_per_step * self.samples * self.max_tokens

    @model_validator(mode="before")
    @classmethod
    def _variant(cls, told: Any) -> Any:
        variant = told.get("variant") if isinstance(told, dict) else None
        return {**VARIANTS.get(variant, {}), **told} if isinstance(variant, str) else told

    @model_validator(mode="after")
    def _fit(self) -> "RlConfig":
        if self.resampling == "dynamic" and self.scale_rewards == "batch":
            raise ValueError("resampling: dynamic mixes batches; set scale_rewards to group or none")
        if self.rollouts == "transformers" and self.rollout_endpoint is not None:
            raise ValueError("rollout_endpoint names a vLLM server; set rollouts to auto or vllm")
        return self


VARIANTS: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "scale_rewards": "group"},  # arXiv:2402.03300
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},  # arXiv:2503.20783
    "dapo": {  # arXiv:2503.14476, section 3
        "loss_type": "dapo", "scale_rewards": "group", "epsilon_high": 0.28, "mask_truncated": True,
        "resampling": "dynamic",
    },
    "srpo": {"loss_type": "dapo", "scale_rewards": "group", "resampling": "history"},  # arXiv:2504.14286
}  # fmt: skip

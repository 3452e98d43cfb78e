"""Settings of reinforcement learning."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, model_validator

from synth.engines.serve_spec import ServeSpec
from synth.environments.playing import PlaySpec
from train_stages.config.address import Address
from train_stages.config.base import TrainConfig
from train_stages.losses import LOSSES
from train_stages.losses.base import PolicyLoss
from train_stages.rewards import REWARDS
from train_stages.rewards.base import Reward
from train_stages.switches import SWITCHES
from train_stages.switches.base import Switch

DR_GRPO = {"kind": "dr_grpo"}
_LOSS = "write loss: {kind: NAME, ...} with this in it"


class RlConfig(TrainConfig):
    """Reinforcement learning from verifiable rewards (GRPO and its relatives, on-policy)."""

    instead: ClassVar[Mapping[str, str]] = {
        "epochs": "problems are drawn step by step; set steps",
        "budget_tokens": "problems are drawn step by step; set steps",
        "batch_tokens": "a step holds prompts_per_step times samples responses; set those",
        "packing": "responses are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "problems are drawn at random, every one before any comes again; see resampling and difficulty",
        "variant": "write loss: dapo (or grpo, dr_grpo, srpo), which brings what its paper says",
        "format_weight": "write rewards: [answer, assignment, {kind: format, weight: ...}]",
        **dict.fromkeys(("epsilon", "epsilon_high", "scale_rewards", "mask_truncated"), _LOSS),
    }

    steps: int = Field(default=100, gt=0, description="Optimiser steps; each draws fresh prompts.")
    prompts_per_step: int = Field(default=8, gt=0, description="Problems in a step.")
    samples: int = Field(default=8, ge=2, description="Responses to each problem; they are each other's baseline.")
    temperature: float = Field(default=1.0, gt=0, description="Sampling temperature of the rollouts.")
    max_tokens: int = Field(default=512, gt=0, description="Longest response.")
    chat_template: dict[str, Any] = Field(
        default_factory=dict, description="What the chat template is told besides the chat, as in `models.<role>`."
    )
    loss: Annotated[SerializeAsAny[PolicyLoss], LOSSES.field(PolicyLoss, DR_GRPO)] = Field(
        default_factory=LOSSES.default(PolicyLoss, DR_GRPO), description="What the stage minimises."
    )
    rewards: Annotated[tuple[SerializeAsAny[Reward], ...], REWARDS.fields(Reward)] = Field(
        default_factory=lambda: tuple(REWARDS.make(name) for name in ("answer", "assignment", "format")),
        min_length=1,
        description="What responses earn; those that apply to a problem are added up by weight.",
    )
    resampling: Literal["none", "history", "dynamic"] | None = Field(
        default=None,
        description="`history`: an epoch leaves out problems whose responses were all right (SRPO, arXiv:2504.14286); "
        "`dynamic`: groups without an advantage are sampled again with other problems (DAPO); None: what the paper of the "
        "loss does.",
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
    rollouts: Literal["auto", "transformers", "vllm"] = Field(
        default="auto",
        description="Who writes the responses. `auto`: the server of `rollout_endpoint`, or on one GPU a vLLM of our own "
        "where it is installed, else this process.",
    )
    rollout_endpoint: Address | None = Field(
        default=None, description="A vLLM server in development mode that sees the same files."
    )
    rollout_memory: float = Field(
        default=0.3, gt=0, lt=1, description="Share of a GPU's memory that our own server takes; training has the rest."
    )
    serve: ServeSpec = Field(default=ServeSpec(), description="How a rollout server of our own is started.")
    hand_over_every: int = Field(
        default=1,
        ge=1,
        description="vllm: the server gets the new weights after so many steps, so that responses are up to one less behind; 1 is "
        "on-policy.",
    )
    environment: PlaySpec | None = Field(
        default=None,
        description="Environment that problems are played in, with tools: `python`, or `{kind: python, turns: 6, form: tools}`. "
        "What it says counts in max_tokens and carries no loss. None asks once, but for tasks that have turns of their own.",
    )
    switch: Annotated[SerializeAsAny[Switch], SWITCHES.field(Switch, {"kind": "sasr"})] | None = Field(
        default=None,
        description="Some steps learn from the problems' worked solutions instead: `sasr`, or `{kind: share, supervised: 0.5}`. "
        "None is plain RL.",
    )
    credit: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        default=None,
        min_length=1,
        description="Which of the model's replies in a dialogue carry loss, numbered from 0; None: those that the environment "
        "names (`reflect_retry`: 1, the reflection), else all.",
    )
    learning_rate: float = Field(default=1e-6, gt=0, description="Peak learning rate.")

    @property
    def tokens_at_once(self) -> int:
        """Tokens of responses that go through the model at once, at most."""
        return self.micro_batch_tokens or self.prompts_per_step * self.samples * self.max_tokens

    @property
    def resampled(self) -> Literal["none", "history", "dynamic"]:
        """What is done about groups without an advantage."""
        return self.loss.resampling if self.resampling is None else self.resampling

    @model_validator(mode="after")
    def _fit(self) -> "RlConfig":
        given = self.model_fields_set
        if self.resampled == "dynamic" and self.loss.scale_rewards == "batch":
            raise ValueError("resampling: dynamic mixes batches; set the loss's scale_rewards to group or none")
        if self.resampled != "dynamic" and "resampling_rounds" in given:
            raise ValueError("resampling_rounds is for resampling: dynamic; set that, or leave it out")
        if self.difficulty == "all" and "least_tries" in given:
            raise ValueError("least_tries is for difficulty: stored or measured; set one of them, or leave it out")
        if self.rollouts == "transformers" and self.rollout_endpoint is not None:
            raise ValueError("rollout_endpoint names a vLLM server; set rollouts to auto or vllm")
        if "rollout_memory" in given and (self.rollouts == "transformers" or self.rollout_endpoint is not None):
            raise ValueError("rollout_memory is for a vLLM server of our own; leave it out, or rollout_endpoint")
        if self.serve != ServeSpec() and (self.rollouts == "transformers" or self.rollout_endpoint is not None):
            raise ValueError("serve is for a vLLM server of our own; leave it out, or rollout_endpoint")
        if self.hand_over_every > 1 and self.rollouts == "transformers":
            raise ValueError(
                "hand_over_every is for responses by vLLM; this process always has the newest weights: leave it out"
            )
        if self.serve.memory_share is not None:
            raise ValueError("serve.memory_share: training shares the GPU with this server; set rollout_memory")
        if self.environment is not None and self.accelerate is not None:
            raise ValueError(
                "environment: dialogues differ in their turns, so one process plays them: leave accelerate out"
            )
        if self.environment is not None and self.difficulty == "measured":
            raise ValueError("difficulty: measured asks once, without turns; set stored or all beside environment")
        if self.adapter is not None and (self.rollouts == "vllm" or self.rollout_endpoint is not None):
            raise ValueError("a vLLM server is given whole weights, not an adapter: set rollouts: transformers")
        names = [reward.name for reward in self.rewards]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"rewards: {name} stands {names.count(name)} times; give it once, with one weight")
        asking = [reward.name for reward in self.rewards if reward.models]
        if asking and not any(reward.checks for reward in self.rewards):
            raise ValueError(
                f"rewards: {asking[0]} asks a model, which can be pleased without being right: add {{kind: answer, weight: 0}}, "
                f"the checker beside it"
            )
        return self

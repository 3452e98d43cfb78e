"""Settings of distillation on the student's own responses."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, SerializeAsAny, model_validator

from train_stages.config.address import Address
from train_stages.config.base import TrainConfig
from train_stages.losses import LOSSES
from train_stages.losses.base import DistilLoss

JSD = {"kind": "generalised_jsd"}


class DistilConfig(TrainConfig):
    """On-policy distillation (arXiv:2306.13649): the model answers, and learns the teacher's next-token distribution there."""

    instead: ClassVar[Mapping[str, str]] = {
        "epochs": "problems are drawn step by step; set steps",
        "budget_tokens": "problems are drawn step by step; set steps",
        "batch_tokens": "a step holds prompts_per_step responses; set that",
        "packing": "responses are not packed; set micro_batch_tokens to say how many go through the model at once",
        "order": "problems are drawn at random, every one before any comes again",
        "rewards": "the teacher says what is right; rl has rewards",
        "samples": "each problem is answered once when it is drawn; set prompts_per_step",
    }

    teacher: str | None = Field(
        default=None,
        min_length=1,
        description="Whose distribution is learned, as `from` names a checkpoint: an earlier stage, an id, a folder. Its tokenizer "
        "must be the model's.",
    )
    teacher_endpoint: Address | None = Field(
        default=None,
        description="Instead of it, a vLLM server of the teacher; its likeliest words at each place are learned, and one bucket "
        "for all others.",
    )
    teacher_words: int = Field(
        default=20,
        ge=-1,
        description="teacher_endpoint: so many words; a server gives 20 unless started with `--max-logprobs`, -1 asks for all.",
    )
    loss: Annotated[SerializeAsAny[DistilLoss], LOSSES.field(DistilLoss, JSD)] = Field(
        default_factory=LOSSES.default(DistilLoss, JSD), description="What the stage minimises."
    )
    steps: int = Field(default=100, gt=0, description="Optimiser steps; each draws fresh prompts.")
    prompts_per_step: int = Field(default=64, gt=0, description="Problems in a step, each answered once.")
    temperature: float = Field(
        default=1.0, gt=0, description="Sampling temperature of the responses; both distributions are taken at it too."
    )
    max_tokens: int = Field(default=512, gt=0, description="Longest response.")
    chat_template: dict[str, Any] = Field(
        default_factory=dict, description="What the chat template is told besides the chat, as in `models.<role>`."
    )
    learning_rate: float = Field(default=1e-6, gt=0, description="Peak learning rate; TRL's.")

    @model_validator(mode="after")
    def _one_teacher(self) -> "DistilConfig":
        if (self.teacher is None) == (self.teacher_endpoint is None):
            raise ValueError(
                "name one teacher: teacher, a checkpoint, or teacher_endpoint, a vLLM server that serves it"
            )
        if self.teacher_endpoint is None:
            if "teacher_words" in self.model_fields_set:
                raise ValueError("teacher_words is for teacher_endpoint; a checkpoint gives all words: leave it out")
        elif self.teacher_words == 0:
            raise ValueError("teacher_words = 0 leaves nothing to learn: set it to 20, or -1 for all")
        elif self.temperature != 1:
            raise ValueError(
                "temperature: what a server says of a response is said at temperature 1; set 1, or take a checkpoint"
            )
        return self

    @property
    def models(self) -> list[str]:
        """The checkpoints that it names."""
        return [] if self.teacher is None else [self.teacher]

    @property
    def tokens_at_once(self) -> int:
        """Tokens of responses that go through the model at once, at most."""
        return self.micro_batch_tokens or self.prompts_per_step * self.max_tokens

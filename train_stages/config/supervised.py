"""Settings of fine-tuning and continued pre-training."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, model_validator

from train_stages.config.base import RowsConfig
from train_stages.config.mixture import MixtureConfig
from train_stages.losses import LOSSES
from train_stages.losses.base import SupervisedLoss
from train_stages.masks import MASKS
from train_stages.masks.base import Mask
from train_stages.orders import ORDERS
from train_stages.orders.base import Ordering
from train_stages.selectors import SELECTORS
from train_stages.selectors.base import Selector
from train_stages.transforms import TRANSFORMS
from train_stages.transforms.base import ChatTransform, DocumentTransform

CROSS_ENTROPY = {"kind": "cross_entropy"}
RANDOM = {"kind": "random"}
ASSISTANT = {"kind": "assistant"}


class SupervisedConfig(RowsConfig):
    """Settings that fine-tuning and continued pre-training share."""

    budget_tokens: int | None = Field(
        default=None,
        gt=0,
        description="Train on about so many tokens, prompts included; instead of `epochs`, may repeat rows.",
    )
    loss: Annotated[SerializeAsAny[SupervisedLoss], LOSSES.field(SupervisedLoss, CROSS_ENTROPY)] = Field(
        default_factory=LOSSES.default(SupervisedLoss, CROSS_ENTROPY), description="What the stage minimises."
    )
    order: Annotated[SerializeAsAny[Ordering], ORDERS.field(Ordering, RANDOM)] = Field(
        default_factory=ORDERS.default(Ordering, RANDOM), description="In which order rows are learned from."
    )
    select: Annotated[SerializeAsAny[Selector], SELECTORS.field(Selector, {"kind": "multistage"})] | None = Field(
        default=None,
        description="Which rows are learned from, decided while training goes on: `multistage`; None learns from all.",
    )

    @property
    def isolated(self) -> bool:
        """Whether several rows share a sequence in which they do not see each other."""
        return False

    @model_validator(mode="after")
    def _agrees(self) -> "SupervisedConfig":
        if self.budget_tokens is not None and "epochs" in self.model_fields_set:
            raise ValueError("budget_tokens and epochs both say how long: leave one of them out")
        if self.select is not None and self.accelerate is not None:
            raise ValueError("select decides in one process: leave accelerate out")
        if self.loss.needs_reference and self.accelerate in ("fsdp", "deepspeed"):
            raise ValueError(f"loss {self.loss.name} keeps a reference whole on each device: set accelerate: ddp")
        return self

    def _refuse_packing(self, way_out: str) -> None:
        if self.loss.needs_unpacked or self.loss.columns:
            raise ValueError(f"loss {self.loss.name} needs to know where each row ends: set {way_out}")
        if self.select is not None:
            raise ValueError(f"select looks at each row by itself: set {way_out}")


class SftConfig(SupervisedConfig):
    """Supervised fine-tuning: the loss is on the assistant's turns only."""

    instead: ClassVar[Mapping[str, str]] = {
        "step_mask": "write mask: steps",
        "mixture": "cpt has it; in sft write several stages, each with a `where`",
        "steps": "set epochs or budget_tokens",
    }

    packing: bool = Field(
        default=False,
        description="Put several rows, isolated from each other, into one sequence of `max_length` tokens (best fit).",
    )
    mask: Annotated[SerializeAsAny[Mask], MASKS.field(Mask, ASSISTANT)] = Field(
        default_factory=MASKS.default(Mask, ASSISTANT), description="Which parts of a row carry loss."
    )
    chat_template: dict[str, Any] = Field(
        default_factory=dict, description="What the chat template is told besides the chat, as in `models.<role>`."
    )
    transforms: Annotated[tuple[SerializeAsAny[ChatTransform], ...], TRANSFORMS.fields(ChatTransform)] = Field(
        default=(),
        description="What is done to a chat, mostly to its last turn, before it is encoded, one after the other.",
    )

    @property
    def isolated(self) -> bool:
        """Whether several rows share a sequence in which they do not see each other."""
        return self.packing

    @model_validator(mode="after")
    def _packing(self) -> "SftConfig":
        if self.packing:
            self._refuse_packing("packing: false")
        return self


class CptConfig(SupervisedConfig):
    """Continued pre-training: the loss is on every token. Texts longer than `max_length` are cut into pieces."""

    instead: ClassVar[Mapping[str, str]] = {
        "steps": "set epochs or budget_tokens",
        "mask": "sft has it; in cpt every token carries loss",
    }

    packing: Literal["none", "best_fit", "wrapped"] = Field(
        default="none",
        description="`best_fit` isolates documents from each other, `wrapped` runs one after the other without a gap.",
    )
    transforms: Annotated[tuple[SerializeAsAny[DocumentTransform], ...], TRANSFORMS.fields(DocumentTransform)] = Field(
        default=(), description="What is done to a document before it is encoded: the first that draws it."
    )
    mixture: MixtureConfig | None = Field(
        default=None,
        description="Shares of the sources by tokens, in phases; instead of `order`. None takes the rows as they are.",
    )

    @property
    def isolated(self) -> bool:
        """Whether several rows share a sequence in which they do not see each other."""
        return self.packing == "best_fit"

    @model_validator(mode="after")
    def _fit(self) -> "CptConfig":
        if self.packing != "none":
            self._refuse_packing("packing: none")
        if self.mixture is not None and "order" in self.model_fields_set:
            raise ValueError("mixture says which row comes when: leave order out")
        return self

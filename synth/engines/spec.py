"""Who answers in a role, as a recipe says it, and the engine that this means."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storage.errors import RecipeError
from storage.models.checkpoints import Checkpoint
from storage.unknown_names import unknown
from synth.engines.address import root_of
from synth.engines.families import context_of, families, family_of
from synth.engines.profile import UNKNOWN_LICENSE, Profile, read_card
from synth.engines.sampling_spec import SamplingSpec
from synth.engines.serve_spec import Context, ServeSpec

if TYPE_CHECKING:
    from synth.engines.base import Engine

PROMOTED = "promoted"
VERIFIER = "verifier"
"""Checkpoint of a role: the newest verifier that was found good enough (`storage.models.registry.current_verifier`)."""
"""Value of `models.<role>.checkpoint` that means: the model that was promoted last, or the base before the first."""


NOT_THE_ENGINE = {
    "price", "tokens_per_second", "sampling", "system", "chat_template", "reasoning_effort", "extra_body",
    "family", "thoughts", "license",
}  # fmt: skip
"""What a role says of its use of a model: roles that differ in these alone share one engine."""
OURS_TO_SAY = frozenset(
    {
        "model",
        "messages",
        "prompt",
        "temperature",
        "top_p",
        "max_tokens",
        "seed",
        "stop",
        "response_format",
        "stream",
        "n",
    }
)
"""Keys of a request that `extra_body` may not say: they are a call's own, or have a setting."""


class PriceSpec(BaseModel):
    """Price per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(0.0, ge=0, description="Per million tokens read.")
    completion: float = Field(0.0, ge=0, description="Per million tokens written.")
    cached: float | None = Field(
        None, ge=0, description="For prompt tokens in the server's prefix cache; None: as prompt."
    )
    currency: str = Field(
        "",
        pattern="^([A-Z]{3})?$",
        description="Of the prices, as reports show it: `USD`, `EUR`. The same for all models.",
    )


class ThoughtsSpec(BaseModel):
    """What happens with the thoughts of a model that thinks before it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int | None = Field(
        None, ge=0, description="Room for thoughts beside the limit of each call; None: that of its family, else none."
    )
    opened: bool | None = Field(
        None, description="Whether its chat template writes the opening tag; None: as in its family, else no."
    )
    learn: bool = Field(True, description="Whether rows that it writes teach its thoughts too, in think tags.")


class ModelSpec(BaseModel):
    """Who answers in a role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["solver", "transformers", "verifier", "vllm"]
    checkpoint: str | None = Field(
        None,
        description="A Hugging Face folder, `promoted`, or for the engine verifier `verifier`: the newest usable one.",
    )
    endpoint: str | tuple[str, ...] | None = Field(
        None,
        description="Address of an OpenAI-compatible server, or a list of them; without one the flow starts vLLM.",
    )
    name: str | None = Field(
        None, description="Model name the server knows; for one that the flow starts, an adapter of its `lora-modules`."
    )
    revision: str | None = Field(None, description="Declared revision of a remote model; part of its identity.")
    api_key_env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Name of an environment variable."
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Requests open at once at each endpoint, at most; None lets the length of vLLM's queue decide.",
    )
    timeout_s: float = Field(600, gt=0, description="Limit for one try of a request.")
    outage_s: float = Field(600, gt=0, description="How long every endpoint may be away before the run stops.")
    sampling: SamplingSpec = Field(
        SamplingSpec(), description="How it samples; what is not said is the paper's, the model's own or ours."
    )
    system: str | None = Field(None, description="A system message before every prompt of this role.")
    chat_template: dict[str, Any] = Field(
        default_factory=dict, description="What its chat template is told: enable_thinking: false."
    )
    reasoning_effort: str | None = Field(None, description="For servers that know it: low, medium, high.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further keys of the request, for this server alone."
    )
    family: str | None = Field(
        None, description="Family of models (`synth/engines/families.yaml`); None: found by the checkpoint's config."
    )
    thoughts: ThoughtsSpec = Field(ThoughtsSpec(), description="What becomes of a thinking model's thoughts.")
    license: str = Field(
        UNKNOWN_LICENSE,
        min_length=1,
        max_length=100,
        description="Licence of the model, or a word for the terms of what it writes: Apache-2.0, no-competing-models. It stands "
        "in each row that the model wrote a part of, where the filter `teacher_license` and releases can demand it.",
    )
    max_model_len: Context = Field(
        "auto",
        description="Context of the model's server, in tokens. `auto`: the model's own, or as much of it as the memory of a server "
        "that the flow starts holds.",
    )
    serve: ServeSpec = Field(ServeSpec(), description="How a server that the flow starts is started.")
    price: PriceSpec = Field(PriceSpec(), description="What it costs, see below.")
    tokens_per_second: float | None = Field(None, gt=0, description="Throughput, for planning only.")

    @model_validator(mode="after")
    def _complete(self) -> "ModelSpec":
        if self.engine in ("transformers", "verifier") and not self.checkpoint:
            other = "verifier" if self.engine == "verifier" else "promoted"
            raise ValueError(f"engine {self.engine} needs `checkpoint`: a Hugging Face folder, or {other}")
        if self.checkpoint in (PROMOTED, VERIFIER) and (self.checkpoint == VERIFIER) != (self.engine == "verifier"):
            raise ValueError(f"checkpoint: {self.checkpoint} is no model for the engine {self.engine}")
        if self.engine == "vllm" and not self.checkpoint:
            if not self.endpoints:
                raise ValueError("engine vllm needs `endpoint`, or `checkpoint` for a server that the flow starts")
            if not (self.name and self.revision):
                raise ValueError(
                    "engine vllm with an endpoint needs `name` and `revision` (a bare server alias must never return "
                    "another model's answers), or `checkpoint` when the server serves a local folder"
                )
        if isinstance(self.max_model_len, int) and self.max_model_len < 16:
            raise ValueError(f"max_model_len: {self.max_model_len} is no context; right would be 4096, or auto")
        if self.serve != ServeSpec() and (self.engine != "vllm" or self.endpoints):
            raise ValueError("serve is for a vLLM server that the flow starts: leave it out, or `endpoint`")
        taken = sorted(OURS_TO_SAY & self.extra_body.keys()) + sorted(
            SamplingSpec.model_fields.keys() & self.extra_body.keys()
        )
        if taken:
            raise ValueError(
                f"extra_body may not hold {taken[0]!r}; sampling parameters stand in `sampling`, the rest is ours"
            )
        if self.family is not None and self.family not in families():
            raise ValueError(f"family: {unknown('family', self.family, families())}")
        if self.engine != "vllm":
            self._known_to_this_process()
        for endpoint in self.endpoints:
            try:
                root_of(endpoint)
            except RecipeError as error:
                raise ValueError(str(error)) from None
        return self

    def _known_to_this_process(self) -> None:
        penalties = [name for name in self.sampling.given() if name.endswith("_penalty")]
        for name in ("reasoning_effort", "extra_body", *(f"sampling.{penalty}" for penalty in penalties)):
            if "." in name or getattr(self, name):
                raise ValueError(
                    f"{name} needs the engine vllm; {self.engine} knows temperature, top_p, top_k, min_p and chat_template"
                )

    def profile(self, checkpoint: Checkpoint | None) -> Profile:
        """Return how this role's model is asked.

        Args:
            checkpoint: What `checkpoint` stands for; its own generation_config.json counts where the recipe says nothing.

        Raises:
            CheckpointError: Its generation_config.json cannot be used.
        """
        body = dict(self.extra_body)
        if self.chat_template:
            body["chat_template_kwargs"] = self.chat_template
        if self.reasoning_effort is not None:
            body["reasoning_effort"] = self.reasoning_effort
        card = SamplingSpec() if self.engine == "solver" else read_card(checkpoint.path if checkpoint else None)
        text = json.dumps(body, sort_keys=True, ensure_ascii=False) if body else None
        path = checkpoint.path if checkpoint else None
        family = None if self.engine == "solver" else self.family or family_of(path)
        if family is not None and not self._thinks:  # a card says how the model samples while it thinks
            card = SamplingSpec(**{**card.given(), **families()[family].quiet.given()})
        tokens, opened = self._room_for_thoughts(family, path)
        penalised = self.engine != "transformers"
        return Profile(
            self.sampling, card, self.system, text, family, tokens, opened, self.thoughts.learn,
            penalised=penalised, license=self.license,
        )  # fmt: skip

    def _room_for_thoughts(self, family: str | None, path: Path | None) -> tuple[int, bool]:
        """Tokens for thoughts beside a call's limit, and whether the template opens them.

        What the recipe does not say is the family's: none where thinking is switched off, and at most half of the context,
        the recipe's or the checkpoint's own.
        """
        thinks = families()[family].thoughts if family is not None else None
        if thinks is None or not self._thinks:
            return self.thoughts.tokens or 0, bool(self.thoughts.opened)
        opened = thinks.opened if self.thoughts.opened is None else self.thoughts.opened
        if self.thoughts.tokens is not None:
            return self.thoughts.tokens, opened
        context = self.context or context_of(path)
        return min(thinks.tokens, context // 2) if context else thinks.tokens, opened

    @property
    def _thinks(self) -> bool:
        """Whether its chat template is left to think, where its family does."""
        return self.chat_template.get("enable_thinking") is not False

    @property
    def context(self) -> int | None:
        """The context that the recipe says; None where it leaves it to the model and its server."""
        return self.max_model_len if isinstance(self.max_model_len, int) else None

    def identity(self, checkpoint: Checkpoint | None) -> str:
        """Return the identity of who answers: the model, and what its server is told that may change an answer."""
        model = checkpoint.id if checkpoint is not None else f"{self.name}@{self.revision}"
        managed = self.engine == "vllm" and not self.endpoints
        named = f"{model}+{self.name}" if managed and self.name else model
        return self.serve.identity(named) if managed else model

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Every address; empty when the flow starts the server itself."""
        return (self.endpoint,) if isinstance(self.endpoint, str) else self.endpoint or ()


def open_engine(
    spec: ModelSpec, checkpoint: Checkpoint | None, folder: Path, progress: Callable[[float, str], None] | None = None
) -> "Engine":
    """Make the engine of a role. Nothing is loaded or started before the first request.

    Args:
        spec: The recipe's words.
        checkpoint: What `spec.checkpoint` stands for; None when it names none.
        folder: Where a managed server's log goes.
        progress: Told of a managed server's start: seconds so far and the last line of its log.
    """
    if spec.engine == "solver":
        from synth.engines.solver import Solver

        return Solver()
    if spec.engine == "transformers":
        from synth.engines.transformers import Transformers

        assert checkpoint is not None
        return Transformers(checkpoint.path, checkpoint.id, max(spec.concurrency or 0, 256))
    if spec.engine == "verifier":
        from synth.engines.verifier import Verifier

        assert checkpoint is not None
        return Verifier(checkpoint.path, checkpoint.id, max(spec.concurrency or 0, 256))
    if spec.endpoints:
        from synth.engines.vllm import Vllm

        name = spec.name or str(checkpoint and checkpoint.path)
        identity = spec.identity(checkpoint)
        return Vllm(spec.endpoints, name, identity, spec.concurrency, spec.api_key_env, spec.timeout_s, spec.outage_s)
    from synth.engines.managed import CONCURRENCY, ManagedVllm

    assert checkpoint is not None
    return ManagedVllm(
        checkpoint,
        folder,
        concurrency=spec.concurrency,
        options=spec.serve.options(max_model_len=spec.max_model_len, max_num_seqs=spec.concurrency or CONCURRENCY),
        model=spec.identity(checkpoint),
        name=spec.name,
        timeout_s=spec.timeout_s,
        progress=progress,
    )

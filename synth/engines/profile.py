"""How a role's model wants to be asked: its sampling, its system message, what its chat template and its server are told.

Each sampling parameter of a call has the value of the first that says something:

1. the recipe's method (`methods.params`), through the call site,
2. the recipe's role (`models.<role>.sampling`),
3. the method's paper, where the method marks a value as essential to it,
4. the model's own `generation_config.json`,
5. its family, as the authors published it (`families.yaml`),
6. `OURS`.

A model that thinks has room for its thoughts beside the limit that a method or a recipe sets, which is meant for the answer.

Evaluation and rollouts name theirs, so that two models are always compared alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storage.errors import CheckpointError
from synth.engines.base import Message, Sampling
from synth.engines.families import families
from synth.engines.sampling_spec import SamplingSpec

FILE = "generation_config.json"
UNKNOWN_LICENSE = "unknown"
"""Of a model of which nobody says a licence."""
OURS: Mapping[str, float] = {"temperature": 0.0, "max_tokens": 1024, "top_p": 1.0}
"""Where nobody says anything: greedy, so that a call without any wish is the same each time."""
WHEN_DRAWN = ("top_p", "top_k", "min_p")
"""Which tokens are drawn from; a greedy call (temperature 0) draws none, so what only the model's card says of it is left out."""


@dataclass(frozen=True)
class Profile:
    """How a role's model is asked.

    Attributes:
        role: What the recipe's role says of sampling.
        card: What the model's own generation_config.json says.
        system: A system message before every prompt of the role; one that a prompt has follows it.
        body: Further keys of the request (`chat_template_kwargs`, `reasoning_effort`, ...), canonical JSON; None has none.
        family: Name of the model's family; None where it is of none that we know.
        thought_tokens: Room for thoughts beside the limit of a call.
        opens_thoughts: Whether its chat template writes the opening tag of its thoughts.
        learns_thoughts: Whether rows that it writes teach its thoughts too.
        penalised: Whether its engine knows penalties; those that a card or a family wishes for are left out where not.
        license: Licence of the model, or a word for the terms of what it writes.
    """

    role: SamplingSpec = field(default_factory=SamplingSpec)
    card: SamplingSpec = field(default_factory=SamplingSpec)
    system: str | None = None
    body: str | None = None
    family: str | None = None
    thought_tokens: int = 0
    opens_thoughts: bool = False
    learns_thoughts: bool = True
    penalised: bool = True
    license: str = UNKNOWN_LICENSE

    def sampling(
        self,
        call: Mapping[str, float | None],
        essential: Mapping[str, float] | None = None,
        *,
        differ: float | None = None,
        stop: tuple[str, ...] = (),
        schema: str | None = None,
    ) -> Sampling:
        """Decide the sampling of one call.

        Args:
            call: What the call site says, by parameter; None says nothing.
            essential: What the method's paper says and the method could not do without.
            differ: Temperature where only `OURS` or the model itself speaks, and asks for greedy; None keeps greedy.
            stop: Strings at which generation stops.
            schema: JSON schema of the completion, canonical JSON.
        """
        by_priority = [
            {name: value for name, value in call.items() if value is not None},
            self.role.given(),
            dict(essential or {}),
        ]
        explicit = {name: value for values in reversed(by_priority) for name, value in values.items()}
        published = families()[self.family].sampling.given() if self.family else {}
        wished = {**published, **self.card.given()}
        if not self.penalised:
            wished = {name: value for name, value in wished.items() if not name.endswith("_penalty")}
        chosen = {**OURS, **wished, **explicit}
        chosen["max_tokens"] += self.thought_tokens
        if differ is not None and chosen["temperature"] == 0 and "temperature" not in explicit:
            chosen["temperature"] = differ
        if chosen["temperature"] == 0:
            for name in WHEN_DRAWN:
                if name not in explicit:
                    chosen.pop(name, None)
        whole = {name: int(value) for name, value in chosen.items() if name in ("max_tokens", "top_k")}
        shares = {name: float(value) for name, value in chosen.items() if name not in whole}  # 1 and 1.0 are one key
        return Sampling(**shares, **whole, stop=stop, schema=schema, body=self.body)  # type: ignore[arg-type]

    def frame(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Put the role's system message before a rendered prompt."""
        if self.system is None:
            return messages
        if messages and messages[0]["role"] == "system":
            first = {"role": "system", "content": f"{self.system}\n\n{messages[0]['content']}"}
            return (first, *messages[1:])
        return ({"role": "system", "content": self.system}, *messages)


PLAIN = Profile()
"""A role of which nothing is said, and whose model says nothing."""


def read_card(checkpoint: Path | None) -> SamplingSpec:
    """Read what a checkpoint's generation_config.json says of sampling; nothing where there is no such file.

    A card that says `do_sample: false` asks for greedy decoding.

    Raises:
        CheckpointError: The file is no JSON, or a value of it is out of range.
    """
    file = checkpoint / FILE if checkpoint is not None else None
    if file is None or not file.is_file():
        return SamplingSpec()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from None
    names = set(SamplingSpec.model_fields) - {"max_tokens"}  # its `max_length` and the like are defaults of a library
    values: dict[str, Any] = {name: content[name] for name in names if content.get(name) is not None}
    if content.get("do_sample") is False:
        values = {name: value for name, value in values.items() if name == "repetition_penalty"} | {"temperature": 0.0}
    try:
        return SamplingSpec.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise CheckpointError(
            f"{file}: {'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}"
        ) from None

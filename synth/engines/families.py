"""Families of models: how each wants to be asked, from a small data file with its sources (`families.yaml`)."""

import json
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from synth.engines.sampling_spec import SamplingSpec


class FamilyThoughts(BaseModel):
    """How a family thinks before it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    opened: bool = Field(description="Whether the chat template writes the opening tag into the prompt.")
    tokens: int = Field(ge=0, description="Room for thoughts beside a method's own limit, in tokens.")


class Family(BaseModel):
    """One family."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="Where its values are published, and what is said there.")
    url: str = Field(pattern=r"^https://", description="Address of that.")
    seen: date | None = Field(
        None, description="When the values were last compared with it; None: they are from memory."
    )
    model_types: tuple[str, ...] = Field(description="`model_type` of config.json.")
    marker: str = Field(description="What stands in its chat template, and not in those of relatives.")
    sampling: SamplingSpec = SamplingSpec()
    quiet: SamplingSpec = Field(SamplingSpec(), description="Sampling where its template is told not to think.")
    thoughts: FamilyThoughts | None = None


@cache
def families() -> dict[str, Family]:
    """Return every family by name, in the order in which checkpoints are compared with them."""
    text = (files("synth.engines") / "families.yaml").read_text(encoding="utf-8")
    return {name: Family.model_validate(content) for name, content in yaml.safe_load(text).items()}


def family_of(checkpoint: Path | None) -> str | None:
    """Return the name of a checkpoint's family by its config.json and its chat template; None where it is of none that we know."""
    config = _read(checkpoint, "config.json")
    template = _template(checkpoint)
    for name, family in families().items():
        if config.get("model_type") in family.model_types and family.marker in template:
            return name
    return None


def context_of(checkpoint: Path | None) -> int | None:
    """Return the longest context that a checkpoint's config.json names, in tokens; None where it names none."""
    config = _read(checkpoint, "config.json")
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        tokens = part.get("max_position_embeddings")
        if isinstance(tokens, int) and tokens > 0:
            return tokens
    return None


def _template(checkpoint: Path | None) -> str:
    file = checkpoint / "chat_template.jinja" if checkpoint is not None else None
    if file is not None and file.is_file():
        return file.read_text(encoding="utf-8", errors="replace")
    template = _read(checkpoint, "tokenizer_config.json").get("chat_template")
    return template if isinstance(template, str) else json.dumps(template, ensure_ascii=False)


def _read(checkpoint: Path | None, name: str) -> dict[str, object]:
    """A JSON file of a checkpoint; empty where it cannot be read: who loads the model says so."""
    try:
        content = json.loads((checkpoint / name).read_text(encoding="utf-8")) if checkpoint is not None else {}
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

"""Writes the reference of the stages' settings (docs/settings.md) from the settings themselves, so that it cannot rot."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from train_stages.config import (
    CptConfig,
    MixtureConfig,
    OrderConfig,
    PhaseConfig,
    PreferenceConfig,
    RlConfig,
    SftConfig,
    TrainConfig,
)
from train_stages.models.tiny import TinyConfig
from train_stages.promotion.evaluate import EvaluateConfig
from train_stages.promotion.promote import PromoteConfig

SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("cpt", "train.cpt", CptConfig),
    ("mixture", "train.cpt.mixture", MixtureConfig),
    ("a phase of a mixture", "train.cpt.mixture.phases", PhaseConfig),
    ("sft", "train.sft", SftConfig),
    ("order", "train.sft.order and train.cpt.order", OrderConfig),
    ("preference", "train.preference", PreferenceConfig),
    ("rl", "train.rl", RlConfig),
    ("evaluate", "train.evaluate", EvaluateConfig),
    ("promote", "train.promote", PromoteConfig),
    ("tiny", "base.tiny", TinyConfig),
)
SHARED = set(TrainConfig.model_fields)


def reference() -> str:
    """Return the reference as Markdown."""
    parts = ["# Settings of the training stages", "", "Made by `make docs` from the settings themselves; how to choose them: "
             "[training](training.md).", "", "## every stage", "", *_rows(TrainConfig, SHARED)]  # fmt: skip
    for title, key, model in SECTIONS:
        own = [name for name in model.model_fields if name not in SHARED or _differs(model, name)]
        parts += ["", f"## {title}", "", f"Under `{key}`.", "", *_rows(model, set(own))]
    return "\n".join(parts) + "\n"


def _differs(model: type[BaseModel], name: str) -> bool:
    """Whether a stage has another default than the others."""
    if not issubclass(model, TrainConfig):
        return True
    return bool(model.model_fields[name].default != TrainConfig.model_fields[name].default)


def _rows(model: type[BaseModel], names: set[str]) -> Iterator[str]:
    yield "| setting | default | |"
    yield "|---|---|---|"
    for name, field in model.model_fields.items():
        if name in names:
            words = " ".join((field.description or "").split())
            yield f"| `{name}` | {_default(field)} | {_choices(field.annotation)}{words} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, BaseModel):
        return "" if value is None else "see below"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _choices(kind: Any) -> str:
    """The words that a setting may be."""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind)) + ". "
    if get_origin(kind) in (Union, UnionType):
        return "".join(_choices(one) for one in get_args(kind))
    return ""


def main() -> None:
    """Write the reference to the file named on the command line."""
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes the reference of the stages' settings and parts (docs/settings.md) from themselves, so that it cannot rot."""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from train_stages.config import (
    AdapterConfig,
    CptConfig,
    DistilConfig,
    FisherConfig,
    LikraConfig,
    MergeConfig,
    MixtureConfig,
    PhaseConfig,
    PreferenceConfig,
    RlConfig,
    SftConfig,
    TaskVector,
    TrainConfig,
    VerifierConfig,
)
from train_stages.losses import LOSSES
from train_stages.losses.base import Loss
from train_stages.masks import MASKS
from train_stages.models.tiny import TinyConfig
from train_stages.optimisers import OPTIMISERS
from train_stages.orders import ORDERS
from train_stages.parts import Kinds, Part
from train_stages.plan.steps import Corpus, StepConfig
from train_stages.promotion.evaluate import EvaluateConfig
from train_stages.promotion.promote import PromoteConfig
from train_stages.regularisers import REGULARISERS
from train_stages.rewards import REWARDS
from train_stages.schedules import SCHEDULES
from train_stages.selectors import SELECTORS
from train_stages.switches import SWITCHES
from train_stages.transforms import TRANSFORMS

SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("what a stage reads", "any stage of `train.plan`, beside those below", StepConfig),
    ("a corpus", "each of `corpus`, of a stage `cpt`", Corpus),
    ("cpt", "a stage `cpt`", CptConfig),
    ("mixture", "`mixture` of a stage `cpt`", MixtureConfig),
    ("a phase of a mixture", "`phases` of a mixture", PhaseConfig),
    ("sft", "a stage `sft`", SftConfig),
    ("preference", "a stage `preference`", PreferenceConfig),
    ("rl", "a stage `rl`", RlConfig),
    ("distil", "a stage `distil`", DistilConfig),
    ("verifier", "a stage `verifier`", VerifierConfig),
    ("likra", "a stage `likra`", LikraConfig),
    ("merge", "a stage `merge`; those of every stage are not", MergeConfig),
    ("fisher", "a stage `fisher`; those of every stage are not", FisherConfig),
    ("a task vector", "`vectors` of a stage `merge`", TaskVector),
    ("an adapter", "`adapter` of any stage", AdapterConfig),
    ("evaluate", "`train.evaluate`", EvaluateConfig),
    ("promote", "`train.promote`", PromoteConfig),
    ("tiny", "`base.tiny`", TinyConfig),
)
PARTS: tuple[tuple[str, str, str, Kinds[Any]], ...] = (
    ("losses", "loss", "What the stage minimises.", LOSSES),
    ("rewards", "rewards", "What responses earn in `rl`; those that apply to a problem are added up by weight.", REWARDS),
    ("switches", "switch", "Which steps of `rl` learn from the problems' worked solutions instead.", SWITCHES),
    ("orders", "order", "In which order rows are learned from in `sft` and `cpt`.", ORDERS),
    ("selectors", "select", "Which rows are learned from in `sft` and `cpt`, decided while training goes on.", SELECTORS),
    ("schedules", "schedule", "How the learning rate changes over the steps, as a share of its peak.", SCHEDULES),
    ("optimisers", "optimiser", "The rule by which weights are changed.", OPTIMISERS),
    ("regularisers", "regularisers", "What keeps a training from changing more than it should.", REGULARISERS),
    ("masks", "mask", "Which parts of a row carry loss in `sft`.", MASKS),
    ("transforms", "transforms", "What is done to a chat in `sft`, or a document in `cpt`, before it is encoded.", TRANSFORMS),
)  # fmt: skip
SHARED = set(TrainConfig.model_fields)


def reference() -> str:
    """Return the reference as Markdown."""
    parts = ["# Settings and parts of the training stages", "", "Made by `make docs` from the settings themselves; how to "
             "choose them: [training](training.md).", "", "## every stage", "", *_rows(TrainConfig, SHARED)]  # fmt: skip
    for title, key, model in SECTIONS:
        own = {name for name in model.model_fields if name not in SHARED or _differs(model, name)}
        parts += ["", f"## {title}", "", f"Settings of {key}.", "", *_rows(model, own)]
    for title, key, summary, kinds in PARTS:
        parts += [
            "",
            f"## {title}",
            "",
            f"{summary} Written `{key}: {_written(key)}`; a name alone takes the defaults.",
        ]
        for name, part in kinds.all().items():
            parts += ["", f"### `{name}`", "", _about(part), *_settings(part)]
    return "\n".join(parts) + "\n"


def _written(key: str) -> str:
    return "[{kind: NAME, ...}]" if key in ("rewards", "transforms") else "{kind: NAME, ...}"


def _about(part: type[Part]) -> str:
    """What a part is, where it is published, and what it needs."""
    facts = [part.summary()]
    if part.paper:
        facts.append(f"Source: {part.paper}.")
    if issubclass(part, Loss):
        facts.append(f"For {' and '.join(f'`{stage}`' for stage in part.stages)}.")
        facts.append(f"Computed by TRL as `{part.trl}`." if part.trl else "Computed by its formula.")
        needs = [("a reference model", part.needs_reference), ("rows that are not packed", part.needs_unpacked)]
        needs += [(f"a column `{column}`", True) for column in getattr(part, "columns", ())]
        facts += (
            [f"Needs {' and '.join(need for need, true in needs if true)}."] if any(true for _, true in needs) else []
        )
    return " ".join(facts)


def _settings(part: type[Part]) -> Iterator[str]:
    if part.model_fields:
        yield ""
        yield from _rows(part, set(part.model_fields))


def _differs(model: type[BaseModel], name: str) -> bool:
    """Whether a stage has another default than the others."""
    if not issubclass(model, TrainConfig):
        return True
    return _default(model.model_fields[name]) != _default(TrainConfig.model_fields[name])


def setting_rows(model: type[BaseModel], names: Collection[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield key, default and meaning of each setting of a model, as Markdown.

    Args:
        model: The settings.
        names: Only these fields; None means all.
    """
    for name, field in model.model_fields.items():
        if (names is None or name in names) and not field.exclude:
            description = " ".join((field.description or "").split())
            yield f"`{field.alias or name}`", _default(field), f"{_choices(field.annotation)}{description}"


def _rows(model: type[BaseModel], names: set[str]) -> Iterator[str]:
    yield "| setting | default | |"
    yield "|---|---|---|"
    for key, default, meaning in setting_rows(model, names):
        yield f"| {key} | {default} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Part):
        return f"`{_part(value)}`"
    if isinstance(value, tuple) and value and isinstance(value[0], Part):
        return f"`[{', '.join(map(_part, value))}]`"
    if value is None or isinstance(value, BaseModel):
        return "" if value is None else "see below"
    if isinstance(value, frozenset):  # in an order that does not change from run to run
        return f"`[{', '.join(sorted(map(str, value)))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _part(part: Part) -> str:
    """A part as a recipe writes it."""
    settings = "".join(
        f", {name}: {getattr(part, name)}"
        for name, field in type(part).model_fields.items()
        if getattr(part, name) != field.default or name in ("warmup", "decay")
    )
    return f"{{kind: {part.name}{settings}}}" if settings else part.name


def _choices(kind: Any) -> str:
    """The words that a setting may be."""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind)) + ". "
    if get_origin(kind) in (Union, UnionType):
        return "".join(_choices(choice) for choice in get_args(kind))
    return ""


def main() -> None:
    """Write the reference to the file named on the command line."""
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

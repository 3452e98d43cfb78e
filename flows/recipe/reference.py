"""Every key of a recipe with its default and meaning, from the recipe itself: `nightschool recipe`, docs/recipe.md."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from filters import filter_kinds
from filters.night.alarms import AlarmOptions
from filters.night.policy import Policy
from flows.recipe.parts import BaseSpec, BudgetSpec, MethodSpec, ProblemsSpec, SourceSpec
from flows.recipe.recipe import Recipe
from flows.recipe.train import TrainSpec, WhenSpec
from storage.errors import RecipeError
from storage.unknown_names import unknown
from synth.engines.sampling_spec import SamplingSpec
from synth.engines.spec import ModelSpec, PriceSpec, ThoughtsSpec
from synth.methods import methods
from synth.problems.mapping import Mapping
from synth.problems.registry import SOURCES
from train_stages.experiment.config import ExperimentConfig
from train_stages.reference import SECTIONS, setting_rows


class Section(NamedTuple):
    """A part of a recipe: its name, where it is written, and the model of its keys."""

    name: str
    where: str
    model: type[BaseModel]


def sections() -> Iterator[Section]:
    """Yield every part of a recipe, those of sources, methods, filters and stages included, yours too."""
    yield Section("recipe", "the file itself", Recipe)
    yield Section("problems", "`problems`", ProblemsSpec)
    yield Section(
        "source",
        "each of `problems.sources`, of `benchmarks`, and of `train.evaluate.benchmarks` and `general`",
        SourceSpec,
    )
    for name, options in SOURCES.all().items():
        if isinstance(options, type) and issubclass(options, BaseModel):
            yield Section(f"source {name}", f"`options` of a source with `kind: {name}`", options)
    yield Section("mapping", "`options.mapping` of a source of files or of the Hub", Mapping)
    yield Section("model", "each of `models`", ModelSpec)
    yield Section("sampling", "`sampling` of a model", SamplingSpec)
    yield Section("thoughts", "`thoughts` of a model", ThoughtsSpec)
    yield Section("price", "`price` of a model", PriceSpec)
    yield Section("method", "each of `methods`", MethodSpec)
    for name, method in sorted(methods().items()):
        yield Section(f"method {name}", f"`params` of `method: {name}`", method.params)
    for name, kind in sorted(filter_kinds().items()):
        yield Section(f"filter {name}", f"`filters.{name}`", kind.options)
    yield Section("policy", "`policy.METHOD`", Policy)
    yield Section("alarms", "`alarms`", AlarmOptions)
    yield Section("budget", "`budget`", BudgetSpec)
    yield Section("base", "`base`", BaseSpec)
    yield Section("train", "`train`", TrainSpec)
    yield Section("train when", "`train.when`", WhenSpec)
    for title, where, model in SECTIONS:
        yield Section(f"train {title}", where, model)
    yield Section("experiment", "`experiment`", ExperimentConfig)


def section(name: str) -> Section:
    """Return one part of a recipe.

    Raises:
        RecipeError: There is no such part; the message has the nearest.
    """
    parts = {part.name: part for part in sections()}
    if name not in parts:
        raise RecipeError(unknown("part of a recipe", name, parts))
    return parts[name]


def reference() -> str:
    """Return the reference of all parts as Markdown; what `docs/settings.md` has of the stages is not repeated."""
    lines = [
        "# The recipe, key by key", "", "Made by `make docs` from the recipe itself; `nightschool recipe` says the same, "
        "`nightschool recipe budget` a part of it. The stages of a training are in [settings](settings.md).",
    ]  # fmt: skip
    stages = {f"train {title}" for title, _, _ in SECTIONS}
    for part in sections():
        if part.name in stages:
            continue
        lines += ["", f"## {part.name}", "", f"Keys of {part.where}.", ""]
        rows = [f"| {key} | {default} | {meaning} |" for key, default, meaning in setting_rows(part.model)]
        lines += ["| key | default | |", "|---|---|---|", *rows] if rows else ["It has none."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the reference to the file named on the command line."""
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

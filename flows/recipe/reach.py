"""What a recipe reaches beyond itself: environment variables and the hosts they go to, files outside its folder.

A colleague's recipe can send your credential to its endpoint and read your files; whoever runs it sees both in `nightschool plan`
first.
"""

import os
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.recipe.recipe import Recipe
from storage.errors import RecipeError
from synth.engines.http_json import bare

HUB, HUB_TOKEN = "the Hugging Face Hub", "HF_TOKEN"
TRACKERS: Mapping[str, tuple[str, str | None, str]] = {
    "wandb": ("WANDB_API_KEY", "WANDB_BASE_URL", "the server of wandb"),
    "mlflow": ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_URI", "a folder of mlflow here"),
    "trackio": (HUB_TOKEN, None, HUB),
}
"""By the name of a tracker of curves: the variable with its key, the one that says where it is, and where it is without that."""
SOURCES = ("problems.sources", "benchmarks", "train.evaluate.benchmarks", "train.evaluate.general")
"""Where a recipe lists sources of problems."""
_HUB_KINDS = ("hub", "gsm8k", "svamp")
_LONGEST_PATH = 4096


def variables(recipe: Recipe) -> list[dict[str, Any]]:
    """Return a row per environment variable and host: `variable`, `set`, `sent_to`, `named_by`."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def add(variable: str, host: str, key: str) -> None:
        row = {"variable": variable, "set": bool(os.environ.get(variable)), "sent_to": host, "named_by": [key]}
        rows.setdefault((variable, host), row)
        if key not in rows[variable, host]["named_by"]:
            rows[variable, host]["named_by"].append(key)

    for role, spec in recipe.models.items():
        for endpoint in spec.endpoints if spec.api_key_env else ():
            parts = urlsplit(endpoint)
            host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            add(str(spec.api_key_env), host, f"models.{role}.api_key_env")
    for key in _hub_keys(recipe):
        add(HUB_TOKEN, HUB, key)
    for key, tracker in _texts(recipe.said()):
        where, named, _ = key.rpartition(".report_to")
        if named and tracker in TRACKERS:
            variable, address, otherwise = TRACKERS[tracker]
            at = os.environ.get(address, "") if address else ""
            add(variable, bare(at) if at else otherwise, where + named)
    return list(rows.values())


def outside_files(recipe: Recipe) -> list[dict[str, str]]:
    """Return a row per file or folder outside the recipe's folder: `named_by` and `file`, links resolved."""
    home = Path(recipe.folder).resolve()
    rows = []
    for key, text in _texts(recipe.said()):
        path = _path(recipe, text)
        if path is not None and not path.is_relative_to(home):
            rows.append({"named_by": key, "file": str(path)})
    return rows


def _path(recipe: Recipe, text: str) -> Path | None:
    """The file or folder that a text of the recipe names, or would name; None where it names none."""
    if not text or len(text) > _LONGEST_PATH or "\0" in text or "\n" in text:
        return None
    try:
        path = recipe.path(text)
        written_as_path = text.startswith(("/", "~", "./", "../", "${"))
        return path.resolve() if path.exists() or written_as_path else None
    except (RecipeError, OSError, RuntimeError):  # no such variable, name too long, no such home
        return None


def _hub_keys(recipe: Recipe) -> Iterator[str]:
    """Keys of a recipe that name something on the Hub."""
    for where, source in _sources(recipe):
        name = source.options.get("dataset")
        local = "path" in source.options or (isinstance(name, str) and Path(name).is_dir())
        if source.kind in _HUB_KINDS and not local:
            yield where
    for key, text in _texts(recipe.said()):
        if key.rpartition(".")[2] == "embedding" and "/" in text and recipe.on_hub(text):
            yield key
    if recipe.base.checkpoint and recipe.on_hub(recipe.base.checkpoint):
        yield "base.checkpoint"
    for role, spec in recipe.models.items():
        if spec.checkpoint and recipe.on_hub(spec.checkpoint):
            yield f"models.{role}.checkpoint"
    for step in recipe.train.steps if recipe.train else ():
        if any(corpus.hub and not Path(corpus.hub).is_dir() for corpus in step.corpora):
            yield f"{step.key}.corpus"
        named = [(f"{step.key}.from", step.checkpoint)]
        named += [(f"{step.key} ({name})", origin.checkpoint) for name, origin in step.models.items()]
        for key, name in named:
            if name and recipe.on_hub(name):
                yield key


def _sources(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    for key in SOURCES:
        if recipe.train or not key.startswith("train."):
            yield from ((f"{key}.{number}", source) for number, source in enumerate(attrgetter(key)(recipe)))


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a recipe with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _texts(part, f"{key}.{number}")

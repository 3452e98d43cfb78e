"""Which tasks of reasoning-gym are offered, as the survey of one version of the library found them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from storage.errors import RecipeError
from storage.unknown_names import unknown


@dataclass(frozen=True)
class Surveyed:
    """What the survey says of one registered task.

    Attributes:
        name: Its name in the library.
        category: Its folder in the library: algebra, games, logic, ...
        refused: Why it is not offered; None where it is.
        tiers: How many tiers of difficulty it has: the levels of its curriculum, moved together; 1 without one.
        partial: Whether its scorer gives some wrong answers part of the point. Only the whole point counts as correct.
        inexact: In what its scorer is not exact; None where it is.
        ms: Milliseconds for a problem of tier 1.
    """

    name: str
    category: str
    refused: str | None
    tiers: int
    partial: bool
    inexact: str | None
    ms: float


@cache
def surveyed() -> dict[str, Surveyed]:
    """Return what the survey says of each registered task, by name."""
    return {name: Surveyed(name, **row) for name, row in _table()["tasks"].items()}


def surveyed_version() -> str:
    """Return the version of the library that was surveyed."""
    return str(_table()["version"])


def offered() -> dict[str, Surveyed]:
    """Return the tasks that are offered, by name."""
    return {name: row for name, row in surveyed().items() if row.refused is None}


def offered_task(name: str) -> Surveyed:
    """Return what the survey says of a task that is offered.

    Raises:
        RecipeError: There is none of that name, or it is not offered; the message says why.
    """
    row = surveyed().get(name)
    if row is None:
        raise RecipeError(unknown("task of reasoning-gym", name, offered()))
    if row.refused is not None:
        raise RecipeError(f"the task {name!r} of reasoning-gym is not offered: {row.refused}. Choose another.")
    return row


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads((files(__package__) / "table.json").read_text(encoding="utf-8")))

"""Find tasks and sources by name: a file each in `tasks` and `sources`, and those that installed packages add by entry point.

A package adds a task under the entry point group `nightschool.tasks` (a class without arguments, or an instance), and a
source under `nightschool.sources` (a pydantic model of its options with a method `open() -> Source`). Built-in names
cannot be taken. Nothing is imported before it is asked for.
"""

import random
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from storage.errors import RecipeError
from storage.registry import Registry
from storage.shown_values import shown_value
from storage.unknown_names import unknown
from synth.answers.format import FORMATS
from synth.answers.judge import VERSION
from synth.problems.base import Problem, Source, Task

if TYPE_CHECKING:
    from pydantic import ValidationError

TASKS = Registry[object]("task", object, "nightschool.tasks", folders=["synth.problems.tasks"])
SOURCES = Registry[object](
    "source", object, "nightschool.sources", folders=["synth.problems.sources"], helpers=["base"], attribute="Options"
)


def task_names() -> list[str]:
    """Names of all tasks, built-in and installed, sorted."""
    return TASKS.names()


def source_names() -> list[str]:
    """Names of all sources, built-in and installed, sorted."""
    return SOURCES.names()


@cache
def get_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        RecipeError: There is no such task, or the package that adds it cannot be imported.
    """
    part = TASKS.get(name)
    task = part() if isinstance(part, type) else part
    missing = [verb for verb in ("check", "steps", "solve", "review") if not callable(getattr(task, verb, None))]
    if missing:
        raise RecipeError(f"task {name!r}: what its entry point names has no method {missing[0]!r}; see Task.")
    return cast(Task, task)


def variants_of(problem: Problem, count: int, seed: int) -> list[Problem]:
    """Return so many different variants of a problem, as near as can be and with other answers or numbers; fewer, or none,
    where its task makes fewer.

    Raises:
        RecipeError: There is no such task, or the package that adds it cannot be imported.
    """
    make = getattr(get_task(problem.task), "variant", None)
    if make is None:
        return []
    found: dict[str, Problem] = {}
    rng = random.Random(seed)
    for _ in range(20 * count):
        if len(found) == count:
            break
        made = make(problem, rng)
        if made is not None and made.structure != problem.structure:
            found.setdefault(made.structure, made)
    return list(found.values())


def checker_version(task: str) -> str:
    """Return the version of what decides about answers to a task: that of the judge, and behind a dot the task's own.

    A task whose checker decides something itself says so with an attribute `version`, and changes it whenever an outcome may.

    Raises:
        RecipeError: There is no such task, or the package that adds it cannot be imported.
    """
    own = getattr(get_task(task), "version", None)
    return VERSION if own is None else f"{VERSION}.{own}"


def checker_versions(tasks: Iterable[str]) -> dict[str, str]:
    """Return `checker_version` by task, the tasks sorted."""
    return {task: checker_version(task) for task in sorted(set(tasks))}


@cache
def answer_format_of(name: str) -> str | None:
    """Return the form of final answers that a task asks for itself; None where it has none, and for a text of no task.

    Raises:
        RecipeError: The task cannot be used, or there is no such form.
    """
    if name not in TASKS.names():
        return None
    own: str | None = getattr(get_task(name), "answer_format", None)
    if own is not None and own not in FORMATS:
        raise RecipeError(f"task {name!r}: answer_format: {unknown('answer format', own, FORMATS)}")
    return own


def open_source(name: str, options: Mapping[str, Any] | None = None) -> Source:
    """Open the source of that name with the options a recipe gives it.

    Raises:
        RecipeError: There is no such source, or an option is unknown or has a wrong value.
    """
    model = SOURCES.get(name)
    from pydantic import BaseModel, ValidationError

    if not (isinstance(model, type) and issubclass(model, BaseModel) and callable(getattr(model, "open", None))):
        raise RecipeError(f"source {name!r}: its entry point must name a pydantic model with a method `open`.")
    try:
        return cast(Source, cast(Any, model.model_validate(dict(options or {}))).open())
    except ValidationError as error:
        raise RecipeError(_sentence(name, model.model_fields, error)) from None


def file_options(name: str) -> frozenset[str]:
    """Return the options of a source that name files: those that are paths; `path` always.

    Raises:
        RecipeError: There is no such source.
    """
    fields = getattr(SOURCES.get(name), "model_fields", {})
    return frozenset({"path", *(key for key, field in fields.items() if field.annotation in (Path, Path | None))})


def _sentence(name: str, fields: Iterable[str], error: "ValidationError") -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "options"
    if first["type"] == "extra_forbidden":
        return f"source {name!r}: {unknown('option', key, fields)}"
    if first["type"] == "missing":
        return f"source {name!r}: option {key!r} is missing; give it a value."
    message = first["msg"].removeprefix("Value error, ")
    return f"source {name!r}: option {key!r} is {shown_value(first['input'])}: {message}."

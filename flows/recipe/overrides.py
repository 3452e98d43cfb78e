"""`--set key.path=value`: one value of a recipe, said on the command line."""

from pathlib import Path
from typing import Any

from flows.recipe.text import read_yaml
from storage.errors import RecipeError


def apply_override(content: dict[str, Any], override: str) -> None:
    """Set one value in a recipe that was read from YAML; a list entry is named by number, or by its `name` or `method`.

    Raises:
        RecipeError: It is no `key.path=value`, or the recipe has no such place.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {override!r}: write key.path=value, for example problems.limit=500")
    try:
        value = read_yaml(text)
    except RecipeError:
        value = text
    *path, last = key.split(".")
    container: Any = content
    for part in path:
        container = _step(container, part, override)
    if isinstance(container, list):
        container[_index(container, last, override)] = value
    elif isinstance(container, dict):
        container[last] = value
    else:
        raise RecipeError(f"--set {override!r}: {'.'.join(path)} holds no further keys")


def from_here(override: str) -> str:
    """Return `vars.name=path` with the path made absolute where it exists as seen from the current folder.

    Paths that a recipe says count from its own folder; what somebody types counts from where they stand.
    """
    key, equals, text = override.partition("=")
    path = Path(text).expanduser()
    if equals and key.startswith("vars.") and text and ("/" in text or text in (".", "..")) and path.exists():
        return f"{key}={path.resolve()}"
    return override


def _step(container: Any, part: str, override: str) -> Any:
    if isinstance(container, list):
        entry = container[_index(container, part, override)]
        stage = _stage(entry)
        return entry if stage is None or part.isdecimal() else stage
    if isinstance(container, dict):
        if container.get(part) is None:
            container[part] = {}
        return container[part]
    raise RecipeError(f"--set {override!r}: {part!r} lies below a plain value")


def _stage(entry: Any) -> dict[str, Any] | None:
    """Return the settings of an entry that is a stage of a plan, `{sft: {...}}`; None for any other."""
    if not isinstance(entry, dict) or len(entry) != 1:
        return None
    (settings,) = entry.values()
    return settings if isinstance(settings, dict) else None


def _index(entries: list[Any], part: str, override: str) -> int:
    """Find a list entry by number, by its `name` or `method`, or a stage of a plan by its name or, else, its kind."""
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and part in (entry.get("name"), entry.get("method")):
            return index
        if part == (_stage(entry) or {}).get("name"):
            return index
    of_the_kind = [index for index, entry in enumerate(entries) if _stage(entry) is not None and part in entry]
    if len(of_the_kind) == 1:
        return of_the_kind[0]
    if of_the_kind:
        raise RecipeError(f"--set {override!r}: {len(of_the_kind)} stages are {part}; take a name, or a number from 0")
    if part.isdecimal() and int(part) < len(entries):
        return int(part)
    raise RecipeError(f"--set {override!r}: there is no entry {part!r} among {len(entries)}")

"""`--set key.path=value`: one value of a recipe, said on the command line."""

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
    place: Any = content
    for part in path:
        place = _step(place, part, override)
    if isinstance(place, list):
        place[_index(place, last, override)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise RecipeError(f"--set {override!r}: {'.'.join(path)} holds no further keys")


def _step(place: Any, part: str, override: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, part, override)]
    if isinstance(place, dict):
        if place.get(part) is None:
            place[part] = {}
        return place[part]
    raise RecipeError(f"--set {override!r}: {part!r} lies below a plain value")


def _index(place: list[Any], part: str, override: str) -> int:
    """Find a list entry by number, or by its `name` or `method`."""
    for index, entry in enumerate(place):
        if isinstance(entry, dict) and part in (entry.get("name"), entry.get("method")):
            return index
    if part.isdecimal() and int(part) < len(place):
        return int(part)
    raise RecipeError(f"--set {override!r}: there is no entry {part!r} among {len(place)}")

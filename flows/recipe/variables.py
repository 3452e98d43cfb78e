"""`${name}` in a recipe: a value of its `vars`, a number where the variable is one."""

import re
from collections.abc import Mapping
from typing import Any

from flows.recipe.text import read_yaml
from storage.errors import RecipeError

WHOLE = re.compile(r"\$\{(\w+)\}")


def with_numbers(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe in which every value that is a `${name}` alone, and whose variable is a number or a truth value, is it.

    Everything else stays: paths are filled in where they are read, relative to the recipe.
    """
    variables = content.get("vars")
    if not isinstance(variables, Mapping):
        return dict(content)
    values = {
        str(name): value for name, text in variables.items() if isinstance(value := _number(text), bool | int | float)
    }
    return {key: part if key == "vars" else _filled(part, values) for key, part in content.items()}


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, Mapping):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    name = WHOLE.fullmatch(part) if isinstance(part, str) else None
    return values.get(name[1], part) if name else part


def _number(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return read_yaml(text)
    except RecipeError:
        return text

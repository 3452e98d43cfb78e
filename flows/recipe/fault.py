"""What is wrong with a recipe, in one sentence: the key as it stands in the file, the value, and what would be right."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from flows.recipe.variables import WHOLE
from storage.shown_values import shown_value
from storage.unknown_names import unknown

_CREDENTIAL = "api_key"
"""In a key whose value may be a credential that somebody put into the wrong place: it is not shown."""


def sentence(error: ValidationError, model: type[BaseModel], content: Mapping[str, Any], key: str = "") -> str:
    """Put the first fault into a sentence.

    Args:
        error: What pydantic said.
        model: What `content` should have been.
        content: What was said.
        key: Where `content` stands.
    """
    first = error.errors(include_url=False)[0]
    path = _path(first["loc"], content, missing=first["type"] == "missing")
    message = first["msg"].removeprefix("Value error, ")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    where = ".".join(filter(None, [key, *map(str, path)]))
    if first["type"] == "missing":
        return f"{where} is missing{more}"
    if first["type"] == "extra_forbidden":
        if path[-1] == _CREDENTIAL:
            hint = "a credential is named by its environment variable: api_key_env"
        else:
            keys = _keys(model, path[:-1])
            hint = unknown("key", str(path[-1]), keys).partition("; ")[2] if keys else "there are none"
        return f"{where} is no key that is known here; {hint}{more}"
    value = first["input"]
    if _CREDENTIAL in where:
        return f"{where}: write the name of an environment variable, such as TEACHER_KEY, never the key itself{more}"
    shown = f" = {shown_value(value)}" if isinstance(value, str | int | float | bool) else ""
    if variable := WHOLE.fullmatch(value) if isinstance(value, str) else None:
        message += f"; set the variable to one: --set vars.{variable[1]}=..."
    return f"{where}{shown}: {message}{more}" if where else f"{message}{more}"


def _path(loc: tuple[int | str, ...], content: Any, *, missing: bool) -> list[int | str]:
    """Return the keys of a place as the file has them: without pydantic's names for the members of a union."""
    path, value = [], content
    for number, part in enumerate(loc, 1):
        held = isinstance(value, Mapping) and part in value
        listed = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        if held or listed:
            value = value[part]
        elif not (missing and number == len(loc)):
            continue
        path.append(part)
    return path


def _keys(model: type[BaseModel], path: list[int | str]) -> list[str]:
    """Return the keys that a place may have."""
    schema = model.model_json_schema(mode="serialization")  # leaves out what no file says
    definitions = schema.get("$defs", {})
    schemas = [schema]
    for part in path:
        schemas = [_below(member, part) for schema_at in schemas for member in _members(schema_at, definitions)]
    properties_at = [
        member.get("properties", {}) for schema_at in schemas for member in _members(schema_at, definitions)
    ]
    return [name for properties in properties_at for name in properties]


def _below(schema: dict[str, Any], part: int | str) -> dict[str, Any]:
    below = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    below = schema.get("additionalProperties") if below is None else below
    return below if isinstance(below, dict) else {}


def _members(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a schema may stand for, its references followed."""
    if "$ref" in schema:
        return _members(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return (
        [expanded for member in schema["anyOf"] for expanded in _members(member, definitions)]
        if "anyOf" in schema
        else [schema]
    )

"""Structured answers: a JSON schema that the server is asked to follow, and that is checked here as well."""

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import SchemaError, best_match  # type: ignore[import-untyped]
from pydantic import BaseModel, ValidationError
from referencing import Registry

from synth.engines.base import RequestRefused

Schema = type[BaseModel] | dict[str, Any]
"""What a method may ask for: a pydantic model, or a JSON schema (draft 2020-12)."""

_WORDS = 300
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def schema_text(schema: Schema | None) -> str | None:
    """Return a schema as JSON text, as it enters the content key.

    Its properties stay in the order in which they are declared: a server that is held to the schema writes them in that order, so
    reasons that are to come before a verdict must stand before it.

    Raises:
        ValueError: It is no JSON schema.
    """
    if schema is None:
        return None
    return _model_text(schema) if isinstance(schema, type) else _checked(_encode(schema))


@functools.lru_cache(maxsize=256)
def _model_text(model: type[BaseModel]) -> str:
    return _checked(_encode(model.model_json_schema()))


@functools.lru_cache(maxsize=256)
def _checked(text: str) -> str:
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        raise ValueError(f"schema {error.json_path}: {error.message}") from None
    return text


@functools.lru_cache(maxsize=256)
def _validator(text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(text), registry=Registry())  # an empty registry fetches nothing


def read_structured(text: str, schema: Schema, complete: bool) -> Any:
    """Read a reply that was asked to follow a schema: an instance of the pydantic model, or plain JSON values.

    Raises:
        RequestRefused: `schema_violation`: it does not follow the schema.
    """
    if not complete:
        raise RequestRefused("schema_violation", "the reply was cut off at max_tokens, so it is no whole JSON value")
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise RequestRefused("schema_violation", f"the reply is no JSON: {error}"[:_WORDS]) from None
    fault = best_match(_validator(schema_text(schema) or "{}").iter_errors(value))
    if fault is not None:
        raise RequestRefused("schema_violation", f"{fault.json_path}: {fault.message}"[:_WORDS])
    if not isinstance(schema, type):
        return value
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:  # what the model's own validators ask beyond the schema
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise RequestRefused("schema_violation", f"{path}: {first['msg']}"[:_WORDS]) from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")

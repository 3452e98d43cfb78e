"""Reads a part of a recipe into its model, with an error that names the key, what is wrong and the value."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from storage.errors import RecipeError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: object, key: str) -> Model:
    """Return the values of a recipe's key as a model.

    Raises:
        RecipeError: A value is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *map(str, first["loc"])])
        raise RecipeError(f"{where}: {first['msg']} (given: {first['input']!r})") from error

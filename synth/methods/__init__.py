"""Synthesis methods, one file each. `get_method` finds them by name; other packages add theirs by entry point.

A package of yours adds a method with an entry point in the group `nightschool.methods` that names a `Method`.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from storage.errors import RecipeError
from storage.names import unknown
from synth.methods.base import Method, Params, describe, method

__all__ = ["Method", "Params", "describe", "get_method", "method", "methods"]


@cache
def methods() -> dict[str, Method]:
    """Return every method by name: those in this folder, and those of other packages."""
    found: dict[str, Method] = {}
    for info in iter_modules(__path__):
        module = import_module(f"{__name__}.{info.name}")
        found |= {item.name: item for item in vars(module).values() if isinstance(item, Method)}
    for point in entry_points(group="nightschool.methods"):
        item = point.load()
        if not isinstance(item, Method):
            raise RecipeError(f"entry point {point.name} ({point.value}) names no method; decorate it with @method")
        found[item.name] = item
    return dict(sorted(found.items()))


def get_method(name: str) -> Method:
    """Return a method by name.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    try:
        return methods()[name]
    except KeyError:
        raise RecipeError(unknown("method", name, methods())) from None

"""Synthesis methods: a file each, or a folder with the method's prompts in it. `get_method` finds them by name.

Prompts that all methods share lie in `shared_prompts`.

A package of yours adds a method with an entry point in the group `nightschool.methods` that names a `Method`.
"""

from functools import cache

from storage.registry import Registry
from synth.methods.base import Method, Params, describe, method

__all__ = ["METHODS", "Method", "Params", "describe", "get_method", "method", "methods"]

METHODS = Registry(
    "method",
    Method,
    "nightschool.methods",
    folders=[__name__],
    helpers=[
        "base",
        "calibrating",
        "choosing",
        "copying",
        "drawn",
        "erasing",
        "leaks",
        "search_tree",
        "searching",
        "sections",
        "selection",
        "writing",
    ],
    make_with="@method of synth.methods",
)


@cache
def methods() -> dict[str, Method]:
    """Return every method by name: those in this folder, and those of other packages."""
    return METHODS.all()


def get_method(name: str) -> Method:
    """Return a method by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return METHODS.get(name)

"""Filters, one file each in `rules`, and in `asking` if they ask a model. `get_filter` finds them by name.

A package of yours adds a filter with an entry point in the group `nightschool.filters` that names what `@row_filter` or
`@night_filter` of `filters.base` made; what it asks a model, if anything, is in the same file (`filters.questions`).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from filters.base import (
    AskingOptions,
    BoundFilter,
    Context,
    FilterKind,
    Finding,
    Options,
    night_filter,
    row_filter,
    run_filters,
    unknown_filter,
)
from filters.questions import Asks
from filters.validated import validated
from storage.errors import RecipeError
from storage.registry import Registry
from storage.unknown_names import unknown
from storage.views import RENAMED_FILTERS

__all__ = [
    "FILTERS",
    "AskingOptions",
    "Asks",
    "BoundFilter",
    "Context",
    "FilterKind",
    "Finding",
    "Options",
    "filter_kinds",
    "find_filter",
    "get_filter",
    "night_filter",
    "row_filter",
    "run_filters",
]


FILTERS = Registry(
    "filter",
    FilterKind,
    "nightschool.filters",
    folders=["filters.rules", "filters.asking"],
    make_with="@row_filter or @night_filter of filters.base",
)


@cache
def filter_kinds() -> dict[str, FilterKind]:
    """Return every filter by name: those in `rules` and `asking`, and those of other packages."""
    return FILTERS.all()


def find_filter(name: str) -> FilterKind:
    """Return a filter by name, before its options are set.

    Raises:
        RecipeError: There is no filter of that name; the message has the nearest, or the name of today.
    """
    if name in RENAMED_FILTERS:
        raise RecipeError(unknown_filter(name, FILTERS.names()))
    return FILTERS.get(name)


def get_filter(name: str, options: Mapping[str, Any] | None = None) -> BoundFilter:
    """Return a filter by name, with its options set as a recipe gives them.

    Raises:
        RecipeError: There is no filter of that name (the message has the nearest), or an option is unknown or wrong.
    """
    kind = find_filter(name)
    given = dict(options or {})
    for key in given:
        if key not in kind.options.model_fields:
            known_options = kind.options.model_fields
            raise RecipeError(
                f"filters.{name}: "
                + (unknown("option", key, known_options) if known_options else f"it has no option {key!r}")
            )
    return kind.bind(validated(kind.options, given, f"filters.{name}"))

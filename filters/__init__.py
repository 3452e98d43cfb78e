"""Filters, one file each in `rules` and `asking`. `get_filter` finds them by name; other packages add theirs by entry point.

A package of yours adds a filter with an entry point in the group `nightschool.filters` that names what `@row_filter` or
`@night_filter` of `filters.base` made.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from filters.base import Context, Filter, FilterKind, Finding, Options, night_filter, row_filter, run_filters
from storage.errors import RecipeError
from storage.names import unknown
from storage.registry import Registry

__all__ = [
    "FILTERS",
    "Context",
    "Filter",
    "FilterKind",
    "Finding",
    "Options",
    "filter_kinds",
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
    helpers=["asking", "judging", "scoring", "trials", "method_rejection"],
    named={"own_rule": "filters.rules.method_rejection:own_rule"},
    make_with="@row_filter or @night_filter of filters.base",
)


@cache
def filter_kinds() -> dict[str, FilterKind]:
    """Return every filter by name: those in `rules` and `asking`, and those of other packages."""
    return FILTERS.all()


def get_filter(name: str, options: Mapping[str, Any] | None = None) -> Filter:
    """Return a filter by name, with its options set as a recipe gives them.

    Raises:
        RecipeError: There is no filter of that name (the message has the nearest), or an option is unknown or wrong.
    """
    kind = FILTERS.get(name)
    given = dict(options or {})
    for key in given:
        if key not in kind.options.model_fields:
            known = kind.options.model_fields
            raise RecipeError(
                f"filters.{name}: " + (unknown("option", key, known) if known else f"it has no option {key!r}")
            )
    try:
        return kind.bind(kind.options.model_validate(given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([f"filters.{name}", *map(str, first["loc"])])
        raise RecipeError(f"{where}: {first['msg']} (given: {first['input']!r})") from error

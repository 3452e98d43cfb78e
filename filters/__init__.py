"""Filters, one file each in `rules` and `asking`. `get_filter` finds them by name; other packages add theirs by entry point.

A package of yours adds a filter with an entry point in the group `nightschool.filters` that names what `@row_filter` or
`@night_filter` of `filters.base` made.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any

from pydantic import ValidationError

from filters import asking, rules
from filters.base import Context, Filter, FilterKind, Finding, Options, night_filter, row_filter, run_filters
from storage.errors import RecipeError
from storage.names import unknown

__all__ = [
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


@cache
def filter_kinds() -> dict[str, FilterKind]:
    """Return every filter by name: those in `rules` and `asking`, and those of other packages."""
    found: dict[str, FilterKind] = {}
    for room in (rules, asking):
        for info in iter_modules(room.__path__):
            module = import_module(f"{room.__name__}.{info.name}")
            found |= {item.name: item for item in vars(module).values() if isinstance(item, FilterKind)}
    for point in entry_points(group="nightschool.filters"):
        item = point.load()
        if not isinstance(item, FilterKind):
            raise RecipeError(
                f"entry point {point.name} ({point.value}) names no filter; make one with @row_filter or @night_filter"
            )
        found[item.name] = item
    return dict(sorted(found.items()))


def get_filter(name: str, options: Mapping[str, Any] | None = None) -> Filter:
    """Return a filter by name, with its options set as a recipe gives them.

    Raises:
        RecipeError: There is no filter of that name (the message has the nearest), or an option is unknown or wrong.
    """
    kinds = filter_kinds()
    if name not in kinds:
        raise RecipeError(unknown("filter", name, kinds))
    kind = kinds[name]
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

"""Choosers: which candidate is taken, one file each. `get_chooser` finds them by name; other packages add theirs by entry point.

A package of yours adds a chooser with an entry point in the group `nightschool.choosers` that names what `@chooser` made.
"""

from storage.registry import Registry
from synth.choosers.base import Choice, Chooser, Choosing, chooser

__all__ = ["CHOOSERS", "Choice", "Chooser", "Choosing", "chooser", "get_chooser"]

CHOOSERS = Registry(
    "chooser",
    Chooser,
    "nightschool.choosers",
    folders=[__name__],
    helpers=["base"],
    make_with="@chooser of synth.choosers",
)


def get_chooser(name: str) -> Chooser:
    """Return a chooser by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return CHOOSERS.get(name)

"""Scorers: what a candidate is worth, one file each. `get_scorer` finds them by name; other packages add theirs by entry point.

A package of yours adds a scorer with an entry point in the group `nightschool.scorers` that names what `@scorer` made.
"""

from storage.registry import Registry
from synth.scorers.base import Candidate, Score, Scorer, score_of, scorer

__all__ = ["SCORERS", "Candidate", "Score", "Scorer", "get_scorer", "score_of", "scorer"]

SCORERS = Registry(
    "scorer",
    Scorer,
    "nightschool.scorers",
    folders=[__name__],
    helpers=["base", "calibration"],
    make_with="@scorer of synth.scorers",
)


def get_scorer(name: str) -> Scorer:
    """Return a scorer by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return SCORERS.get(name)

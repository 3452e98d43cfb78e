"""The training stages, one file each. `get_stage` finds them by name; other packages add theirs by entry point.

A package of yours adds a stage with an entry point in the group `nightschool.stages` that names a `Stage`.
"""

from storage.registry import Registry
from train_stages.stages.base import Stage

__all__ = ["STAGES", "Stage", "get_stage"]

STAGES = Registry(
    "stage",
    Stage,
    "nightschool.stages",
    folders=[__name__],
    helpers=["base", "supervised", "__main__"],
    make_with="Stage of train_stages.stages",
)


def get_stage(name: str) -> Stage:
    """Return a stage by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return STAGES.get(name)

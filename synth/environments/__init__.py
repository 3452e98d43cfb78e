"""Environments: tasks with turns, one file each. `get_environment` finds them by name; other packages add theirs by entry point.

A package of yours adds one with an entry point in the group `nightschool.environments` that names an instance.
"""

from storage.registry import Registry
from synth.environments.base import Environment, Turn

__all__ = ["ENVIRONMENTS", "Environment", "Turn", "get_environment"]

ENVIRONMENTS = Registry[Environment](
    "environment",
    Environment,  # type: ignore[type-abstract]  # only instances are compared with it
    "nightschool.environments",
    folders=[__name__],
    helpers=["base", "dialogue", "playing", "tool_use"],
)  # fmt: skip


def get_environment(name: str) -> Environment:
    """Return an environment by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return ENVIRONMENTS.get(name)

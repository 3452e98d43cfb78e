"""Tools that a model may call, one file each. `get_tool` finds them by name; other packages add theirs by entry point.

A package of yours adds one with an entry point in the group `nightschool.tools` that names an instance.
"""

from storage.registry import Registry
from synth.tools.base import Tool

__all__ = ["TOOLS", "Tool", "get_tool"]

TOOLS = Registry[Tool](
    "tool",
    Tool,  # type: ignore[type-abstract]  # only instances are compared with it
    "nightschool.tools",
    folders=[__name__],
    helpers=["base", "calls"],
)


def get_tool(name: str) -> Tool:
    """Return a tool by name; no other is imported.

    Raises:
        RecipeError: There is none of that name; the message has the nearest.
    """
    return TOOLS.get(name)

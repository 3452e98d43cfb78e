"""The lake, and its few public names for use from Python; each is loaded when it is first used.

`Workspace.open(path)` names a workspace. `query` and `stream` run people's SQL, closed to the host.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.sql import Answer as stream  # noqa: N813 - a class used as a function: `with stream(...) as batches`
    from storage.sql import run_sql as query
    from storage.workspace import Workspace

__all__ = ["Workspace", "query", "stream"]

_WHERE = {"Workspace": "storage.workspace:Workspace", "query": "storage.sql:run_sql", "stream": "storage.sql:Answer"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'storage' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(import_module(module), attribute)

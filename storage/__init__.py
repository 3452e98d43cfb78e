"""The lake, and its few public names for use from Python; each is loaded when it is first used.

`Workspace.open(path)` names a workspace. `query` and `stream` run people's SQL, closed to the host. `get_release(lake, name)`
finds a release; `open_table` and `open_dataset` map one into memory for pyarrow and `datasets`, `to_dataset` hands over a table.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.handover import open_dataset, open_table, to_dataset
    from storage.lake import Lake
    from storage.release_reading import get_release
    from storage.sql import Answer as stream  # noqa: N813 - a class used as a function: `with stream(...) as batches`
    from storage.sql import run_sql as query
    from storage.workspace import Workspace

__all__ = ["Lake", "Workspace", "get_release", "open_dataset", "open_table", "query", "stream", "to_dataset"]

_WHERE = {
    "Lake": "storage.lake:Lake",
    "Workspace": "storage.workspace:Workspace",
    "get_release": "storage.release_reading:get_release",
    "open_dataset": "storage.handover:open_dataset",
    "open_table": "storage.handover:open_table",
    "query": "storage.sql:run_sql",
    "stream": "storage.sql:Answer",
    "to_dataset": "storage.handover:to_dataset",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'storage' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(import_module(module), attribute)

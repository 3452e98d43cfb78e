"""The lake, and its few public names for use from Python; each is loaded when it is first used.

`Workspace.open(path)` names a workspace. `query` and `stream` run people's SQL, closed to the host. `get_release(lake, name)`
finds a release; `open_table` and `open_dataset` map one into memory for pyarrow and `datasets`, `to_dataset` hands over a table.

Its rooms, from the upper ones down: `upkeep`, `takedown`, `releases`, `sql`, `history`, `models`, `ledger`, `lake`, `catalog`;
each imports only what is below it. Beside them stands what all use: errors, ids, the tables (`schema`, `views`), the workspace.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.lake.lake import Lake
    from storage.releases.handover import open_dataset, open_table, to_dataset
    from storage.releases.reading import get_release
    from storage.sql.run import Answer as stream  # noqa: N813 - a class used as a function: `with stream(...) as batches`
    from storage.sql.run import run_sql as query
    from storage.workspace import Workspace

__all__ = ["Lake", "Workspace", "get_release", "open_dataset", "open_table", "query", "stream", "to_dataset"]

_WHERE = {
    "Lake": "storage.lake.lake:Lake",
    "Workspace": "storage.workspace:Workspace",
    "get_release": "storage.releases.reading:get_release",
    "open_dataset": "storage.releases.handover:open_dataset",
    "open_table": "storage.releases.handover:open_table",
    "query": "storage.sql.run:run_sql",
    "stream": "storage.sql.run:Answer",
    "to_dataset": "storage.releases.handover:to_dataset",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'storage' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(import_module(module), attribute)

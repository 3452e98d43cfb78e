"""Whether there is a lake: one that was never made, whose making was stopped, or whose catalogue is gone."""

from storage.catalog.catalog import Catalog
from storage.errors import WorkspaceError
from storage.faults import bring_back
from storage.workspace import Workspace

_UNMADE = "creating a new DuckLake is explicitly disabled"
"""What DuckLake says of a file whose making was stopped before it had a table."""


def must_have_catalog(workspace: Workspace, catalog: Catalog, *, new: bool) -> None:
    """Refuse a lake whose catalogue is gone, and one that was never made unless a `new` one may be.

    Raises:
        WorkspaceError: With the remedy.
    """
    if catalog.exists():
        return
    if "://" not in workspace.data_path and any(workspace.data.rglob("*.parquet")):
        raise WorkspaceError(
            f"{workspace.data} holds files of a lake, but its catalogue {catalog.described} is gone; {bring_back(workspace.root)}"
        )
    if not new:
        raise WorkspaceError(no_data(workspace))


def never_made(error: Exception) -> bool:
    """Return whether a catalogue could not be attached because its making was stopped (by a full disk, say)."""
    return _UNMADE in str(error)


def no_data(workspace: Workspace) -> str:
    """Say that a workspace has no lake yet."""
    return f"workspace {workspace.root} holds no data yet; run a recipe first"

"""Whether there is a lake: one that was never made, whose making was stopped, or whose catalogue is gone or another's."""

from contextlib import suppress
from typing import Any

from storage.catalog.catalog import Catalog, SqliteCatalog, tables_at
from storage.catalog.evolution import SCHEMA_NOTE
from storage.errors import LakeError, WorkspaceError
from storage.faults import bring_back, irregular
from storage.workspace import Workspace

_UNMADE = "creating a new DuckLake is explicitly disabled"
"""What DuckLake says of a file whose making was stopped before it had a table."""


def must_have_catalog(workspace: Workspace, catalog: Catalog, *, new: bool) -> None:
    """Refuse a lake whose catalogue is gone, and one that was never made unless a `new` one may be.

    Raises:
        WorkspaceError: With the remedy.
    """
    if isinstance(catalog, SqliteCatalog) and (what := irregular(catalog.file)):
        raise WorkspaceError(f"catalogue {catalog.file} is {what}; move it away, then {bring_back(workspace.root)}")
    if catalog.exists():
        return
    if left := left_of_a_lake(workspace, catalog):
        raise WorkspaceError(f"{left}, but its catalogue {catalog.described} is gone; {_remedy(workspace)}")
    if not new:
        raise WorkspaceError(no_data(workspace))


def must_have_tables(connection: Any, workspace: Workspace, catalog: Catalog, *, new: bool) -> None:
    """Refuse a catalogue without our tables: another lake's, or one whose making was stopped unless a `new` one may be.

    Args:
        connection: DuckDB, with the catalogue attached as `lake`.
        workspace: The workspace.
        catalog: Its catalogue.
        new: Whether the tables may be made now.

    Raises:
        LakeError: Something of a lake is left, so this is not its catalogue.
        WorkspaceError: The next run of a recipe makes them.
    """
    ours = f"select 1 from {tables_at(catalog)}.ducklake_table where table_name = 'commits' and end_snapshot is null"
    if connection.execute(ours).fetchall():
        return
    if left := left_of_a_lake(workspace, catalog):
        raise not_this_lakes(workspace, catalog, left)
    if not new:
        raise WorkspaceError(no_data(workspace))


def not_this_lakes(workspace: Workspace, catalog: Catalog, left: str) -> LakeError:
    """Make the error for a catalogue that knows nothing of what is left of a lake."""
    return LakeError(
        f"{catalog.described} is not this lake's catalogue: {left}, which it does not know; {_remedy(workspace)}"
    )


def left_of_a_lake(workspace: Workspace, catalog: Catalog) -> str | None:
    """Say what there is of a lake besides its catalogue: files, releases, or what was noted of it; None when nothing is."""
    if "://" not in workspace.data_path and any(workspace.data.rglob("*.parquet")):
        return f"{workspace.data} holds files of a lake"
    if any(workspace.root.glob("releases/*/*/manifest.json")):
        return f"{workspace.root / 'releases'} holds releases of a lake"
    if isinstance(catalog, SqliteCatalog) and catalog.beside.exists():
        with suppress(LakeError):  # `lake check` names what is wrong with it
            if catalog.note(SCHEMA_NOTE):
                return f"{catalog.beside} belongs to a lake"
    return None


def never_made(error: Exception) -> bool:
    """Return whether a catalogue could not be attached because its making was stopped (by a full disk, say)."""
    return _UNMADE in str(error)


def no_data(workspace: Workspace) -> str:
    """Say that a workspace has no lake yet."""
    return f"workspace {workspace.root} holds no data yet; run a recipe first"


def _remedy(workspace: Workspace) -> str:
    return f"{bring_back(workspace.root)}; for a new lake, move all of the workspace away or name another one"

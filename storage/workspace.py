"""The workspace: one folder that holds everything a team's nights have made.

workspace/
  workspace.json     format version; where the catalogue and the lake's files are, if not here; the group that may read, if any
  catalog.sqlite     DuckLake's catalogue
  coordination.sqlite  leases, cursors and other small tables that change often
  lake/              Parquet files of the tables
  ledger.sqlite      every finished model call of this machine
  releases/          immutable Parquet exports, one folder per release
  checkpoints/       Hugging Face folders, one per checkpoint
  nights/            what a night needs to be resumed, its logs
  reports/           a morning report per night, one HTML file each
  takedowns/         ids of what was taken down, which no restore takes back
  prefect/           the embedded orchestrator's files
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage import modes
from storage.atomic import write_text
from storage.catalog_name import parse_catalog
from storage.errors import WorkspaceError
from storage.faults import refuse_network_file_system

FORMAT_VERSION = 3
"""Format of a workspace. A newer one is refused, an older one is migrated."""

_MARKER = "workspace.json"
_ENVIRONMENT = "NIGHTSCHOOL_WORKSPACE"
_DEFAULT = ".nightschool"
_PRIVATE = ("prefect", "locks")
"""The folders that are the owner's alone, also where a group may read the rest: logins, and locks that would hold up a night."""
_CATALOG, _DATA = "NIGHTSCHOOL_CATALOG", "NIGHTSCHOOL_LAKE"


class Workspace:
    """A workspace folder of a known format.

    Args:
        root: The folder.

    Attributes:
        root: The folder, absolute.
        config: What `workspace.json` says.
    """

    def __init__(self, root: Path, config: Mapping[str, Any] | None = None) -> None:
        self.root = root.resolve()
        self.config: dict[str, Any] = dict(config or {"format": FORMAT_VERSION})

    @classmethod
    def default_root(cls) -> Path:
        """Return `$NIGHTSCHOOL_WORKSPACE`, or `.nightschool` in the current folder."""
        return Path(os.environ.get(_ENVIRONMENT) or _DEFAULT)

    @classmethod
    def create(
        cls, root: Path, *, catalog: str | None = None, data: str | None = None, group: str | None = None
    ) -> "Workspace":
        """Open the workspace at `root`; make it when the folder is missing or empty.

        Args:
            root: The folder.
            catalog: PostgreSQL catalogue of a new workspace, `postgres:host=... dbname=...`; $NIGHTSCHOOL_CATALOG, else SQLite.
            data: Where a new workspace's Parquet files go, `s3://bucket/prefix` or a folder that machines share;
                $NIGHTSCHOOL_LAKE, else the folder `lake`.
            group: A group of this machine that may read a new workspace; None keeps it to its owner.

        Raises:
            WorkspaceError: `root` is a file, cannot be written to, holds other things, or has a format this version does not
                read; the catalogue cannot be used, or is not the one that an existing workspace has.
        """
        workspace = cls(root)
        marker = workspace.root / _MARKER
        if marker.exists():
            if not os.access(workspace.root, os.W_OK):
                raise WorkspaceError(_unusable(root, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))
            return cls.open(root)._same(catalog, data, group)
        refuse_network_file_system(workspace.root)
        if workspace.root.exists() and not workspace.root.is_dir():
            raise WorkspaceError(f"workspace {root} is a file; name a folder")
        if workspace.root.exists() and any(workspace.root.iterdir()):
            raise WorkspaceError(
                f"{root} is not empty and holds no {_MARKER}, so it is no workspace; name an empty or new folder"
            )
        places = _places(catalog or os.environ.get(_CATALOG), data or os.environ.get(_DATA), group)
        return cls.scratch(root, **places)

    @classmethod
    def scratch(cls, root: Path, **places: Any) -> "Workspace":
        """Make a workspace in a new folder, whatever the environment says about catalogues.

        Raises:
            WorkspaceError: The folder cannot be made or written to.
        """
        workspace = cls(root, {"format": FORMAT_VERSION, **places})
        try:
            workspace.root.mkdir(parents=True, exist_ok=True)
            workspace.keep_to_readers()
            workspace.write_config()
        except OSError as error:
            raise WorkspaceError(_unusable(root, error)) from None
        return workspace

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Open an existing workspace. An older format is migrated when its lake is opened for writing.

        Raises:
            WorkspaceError: There is none, it cannot be read, or it has a format this version does not read.
        """
        workspace = cls(root)
        marker = workspace.root / _MARKER
        refuse_network_file_system(workspace.root)
        try:
            config = json.loads(marker.read_text())
        except FileNotFoundError:
            raise WorkspaceError(
                f"no workspace at {root}; run a recipe first, or name one with --workspace or ${_ENVIRONMENT}"
            ) from None
        except OSError as error:
            raise WorkspaceError(_unusable(root, error)) from None
        except (ValueError, RecursionError) as error:
            raise WorkspaceError(_damaged(marker, str(error))) from None
        if fault := _fault(config):
            raise WorkspaceError(_damaged(marker, fault))
        if config["format"] > FORMAT_VERSION:
            raise WorkspaceError(
                f"workspace {root} has format {config['format']}, this version reads up to {FORMAT_VERSION}; update Nightschool"
            )
        workspace.config = config
        workspace.keep_to_readers()
        return workspace

    def keep_to_readers(self) -> None:
        """Let this process write for the workspace's readers alone, and close its folders to others (`storage.modes`).

        Raises:
            WorkspaceError: Its group is none of this machine, or none of the owner's.
        """
        group = self.config.get("group")
        modes.keep_to(group)
        modes.close_folder(self.root, group)
        if "://" not in self.data_path:
            modes.close_folder(self.data, group)
        for name in _PRIVATE:
            modes.close_folder(self.root / name, None)

    def _same(self, catalog: str | None, data: str | None, group: str | None) -> "Workspace":
        for name, wanted in _places(catalog, data, group).items():
            if self.config.get(name) != wanted:
                nothing = "none" if name == "group" else "in its folder"
                raise WorkspaceError(
                    f"workspace {self.root} has {name} {self.config.get(name) or nothing}, not {wanted}; "
                    "leave the option out, or name a new folder"
                )
        return self

    def write_config(self) -> None:
        """Write `workspace.json` as one step."""
        write_text(self.root / _MARKER, json.dumps(self.config) + "\n")

    @property
    def format(self) -> int:
        """Version of the workspace's format."""
        return int(self.config["format"])

    @property
    def data_path(self) -> str:
        """Where the lake's Parquet files are: a folder, or an object store's URL; ends with a slash."""
        return str(self.config.get("data") or self.root / "lake").rstrip("/") + "/"

    @property
    def data(self) -> Path:
        """Folder of the lake's Parquet files, unless they are on an object store."""
        return Path(self.data_path)

    @property
    def ledger(self) -> Path:
        """The ledger's SQLite file."""
        return self.root / "ledger.sqlite"

    def folder(self, *parts: str) -> Path:
        """Return a folder inside the workspace, made if missing.

        Args:
            *parts: Plain names, one below the other.

        Raises:
            WorkspaceError: A name leads elsewhere, or is that of a file.
        """
        for part in parts:
            if part in ("", ".", "..") or "/" in part or "\0" in part:
                raise WorkspaceError(f"{part!r} is no name of a folder in a workspace; use letters, digits, - and _")
        path = self.root.joinpath(*parts)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise WorkspaceError(f"{path} cannot be made, a file is in its place; move that away") from None
        if parts and parts[0] in _PRIVATE:
            modes.close_folder(self.root / parts[0], None)
        return path

    def relative(self, path: Path) -> str:
        """Return `path` relative to the workspace, as rows store it."""
        return path.resolve().relative_to(self.root).as_posix()

    @contextmanager
    def lock(self, name: str, *, wait: bool = True, holder: str = "another process") -> Iterator[None]:
        """Hold an exclusive lock between processes of this machine; the kernel frees it when the holder dies.

        Raises:
            WorkspaceError: The lock is taken and `wait` is False, or this user may not write to the workspace.
        """
        try:
            path = self.folder("locks") / f"{name}.lock"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise WorkspaceError(_unusable(self.root, error)) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise WorkspaceError(
                    f"{name} of workspace {self.root} is held by {holder}; wait for it to end"
                ) from None
            yield
        finally:
            os.close(descriptor)


def _places(catalog: str | None, data: str | None, group: str | None = None) -> dict[str, Any]:
    """Return what `workspace.json` says about places outside the folder, and about who may read it."""
    places: dict[str, Any] = {"group": group} if group else {}
    if catalog:
        places["catalog"] = parse_catalog(catalog)
    if data:
        store = data.startswith("s3://") and not set("?@") & set(data)
        if not store and ("://" in data or not Path(data).is_absolute()):
            raise WorkspaceError(
                "data: write s3://bucket/prefix (keys and endpoint come from AWS_* variables) or an absolute folder"
            )
        places["data"] = data.rstrip("/")
    return places


def _fault(config: Any) -> str | None:
    """Return what is wrong with the text of a `workspace.json`; None when nothing is."""
    if not isinstance(config, dict):
        return "it is no JSON object"
    if type(config.get("format")) is not int or config["format"] < 1:
        return f"format is {config.get('format')!r}, and a whole number from 1 belongs there"
    for name in ("data", "group"):
        if not isinstance(config.get(name), str | None):
            return f"{name} is {config[name]!r}, and text belongs there"
    catalog = config.get("catalog")
    parts = catalog if isinstance(catalog, dict) else {}
    if catalog is not None and not all(isinstance(parts.get(name), str) for name in ("conninfo", "schema")):
        return f"catalog is {catalog!r}, and an object with conninfo and schema belongs there"
    return None


def _damaged(marker: Path, fault: str) -> str:
    copies = sorted(marker.parent.glob("backups/*/workspace.json"))
    copy = f"put back that of a back-up (cp {copies[-1]} {marker})" if copies else "restore it from a back-up"
    return f"{marker} is damaged ({fault}); {copy}"


def _unusable(root: Path, error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "free some space, or name a folder on another disk" if full else "name a folder that you may write to"
    return f"workspace {root} cannot be used: {error.strerror}; {remedy}"

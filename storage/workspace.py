"""The workspace: one folder that holds everything a team's nights have made.

workspace/
  workspace.json     format version
  catalog.sqlite     DuckLake's catalogue
  lake/              Parquet files of the tables
  ledger.sqlite      every finished model call of this machine
  releases/          immutable Parquet exports, one folder per release
  checkpoints/       Hugging Face folders, one per checkpoint
  nights/            what a night needs to be resumed, its logs
  prefect/           the embedded orchestrator's files
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import WorkspaceError
from storage.schema import FORMAT_VERSION

_MARKER = "workspace.json"
_ENVIRONMENT = "NIGHTSCHOOL_WORKSPACE"
_DEFAULT = ".nightschool"


class Workspace:
    """A workspace folder of a known format.

    Args:
        root: The folder.

    Attributes:
        root: The folder, absolute.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @classmethod
    def default_root(cls) -> Path:
        """Return `$NIGHTSCHOOL_WORKSPACE`, or `.nightschool` in the current folder."""
        return Path(os.environ.get(_ENVIRONMENT) or _DEFAULT)

    @classmethod
    def create(cls, root: Path) -> "Workspace":
        """Open the workspace at `root`; make it when the folder is missing or empty.

        Raises:
            WorkspaceError: `root` is a file, holds other things, or has a format this version does not read.
        """
        workspace = cls(root)
        marker = workspace.root / _MARKER
        if marker.exists():
            return cls.open(root)
        if workspace.root.exists() and not workspace.root.is_dir():
            raise WorkspaceError(f"workspace {root} is a file; name a folder")
        if workspace.root.exists() and any(workspace.root.iterdir()):
            raise WorkspaceError(
                f"{root} is not empty and holds no {_MARKER}, so it is no workspace; name an empty or new folder"
            )
        workspace.root.mkdir(parents=True, exist_ok=True)
        temporary = marker.with_suffix(".tmp")
        temporary.write_text(json.dumps({"format": FORMAT_VERSION}) + "\n")
        temporary.replace(marker)
        return workspace

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Open an existing workspace.

        Raises:
            WorkspaceError: There is none, or it has a format this version does not read.
        """
        workspace = cls(root)
        marker = workspace.root / _MARKER
        try:
            version = json.loads(marker.read_text())["format"]
        except FileNotFoundError:
            raise WorkspaceError(
                f"no workspace at {root}; run a recipe first, or name one with --workspace or ${_ENVIRONMENT}"
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{marker} is damaged ({error}); restore it from a back-up") from None
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise WorkspaceError(
                f"workspace {root} has format {version!r}, this version reads up to {FORMAT_VERSION}; update Nightschool"
            )
        return workspace

    @property
    def catalog(self) -> Path:
        """DuckLake's SQLite catalogue."""
        return self.root / "catalog.sqlite"

    @property
    def data(self) -> Path:
        """Folder of the lake's Parquet files."""
        return self.root / "lake"

    @property
    def ledger(self) -> Path:
        """The ledger's SQLite file."""
        return self.root / "ledger.sqlite"

    def folder(self, *parts: str) -> Path:
        """Return a folder inside the workspace, made if missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def relative(self, path: Path) -> str:
        """Return `path` relative to the workspace, as rows store it."""
        return path.resolve().relative_to(self.root).as_posix()

    @contextmanager
    def lock(self, name: str, *, wait: bool = True, holder: str = "another process") -> Iterator[None]:
        """Hold an exclusive lock between processes of this machine; the kernel frees it when the holder dies.

        Raises:
            WorkspaceError: The lock is taken and `wait` is False.
        """
        path = self.folder("locks") / f"{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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

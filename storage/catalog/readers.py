"""The catalogue as somebody reads it who may not write beside it: a member of the workspace's group.

SQLite reads a file with a log (WAL) only where it may write one too, and who could lock the owner's files could hold up the
owner's nights. So a reader takes a copy of the catalogue and its log, and takes it again until neither changed meanwhile.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from storage.errors import LakeError

_TRIES, _PAUSE_S = 50, 0.1


def may_write(folder: Path) -> bool:
    """Whether this process may make files in a folder; one that is not there yet counts as its own."""
    return not folder.exists() or os.access(folder, os.W_OK | os.X_OK)


def copy_of(catalog: Path) -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """Copy a SQLite catalogue with its log to a folder of this process, which is removed with what is returned.

    Raises:
        LakeError: It cannot be read, or is written all the time.
    """
    catalog = catalog.resolve()  # its log stands beside what a link leads to
    folder = tempfile.TemporaryDirectory(prefix="nightschool-catalog-", ignore_cleanup_errors=True)
    target = Path(folder.name) / catalog.name
    log, target_log = catalog.with_name(f"{catalog.name}-wal"), target.with_name(f"{target.name}-wal")
    try:
        for _ in range(_TRIES):
            before = _states(catalog, log)
            target_log.unlink(missing_ok=True)
            if before[1] is not None:
                shutil.copyfile(log, target_log)
            shutil.copyfile(catalog, target)
            if _states(catalog, log) == before:
                return folder, target
            time.sleep(_PAUSE_S)
    except OSError as error:
        raise LakeError(f"catalogue {catalog} cannot be read: {error.strerror}") from error
    raise LakeError(f"catalogue {catalog} is being written all the time; try again")


def _states(*files: Path) -> list[tuple[int, int, int] | None]:
    states: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            status = file.stat()
            states.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            states.append(None)
    return states

"""Who may read a workspace, whatever the user's umask: its owner and, where it names one, a group.

The owner alone: files 0600, folders 0700. With a group: files 0640, folders 2750 (what is made in them belongs to the group too).
Ledger, logins, locks, leases and Prefect's files are the owner's alone in both. The umask is set for the process, so that every
writer (DuckDB, SQLite, pyarrow, torch, processes that are started) keeps to it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import WorkspaceError

OWNER, GROUP = 0o700, 0o2050
"""What the owner may do with a folder stays; the group may list it, and what is made in it is the group's."""
PRIVATE_FILE = 0o600
_users_umask: int | None = None


def keep_to(group: str | None) -> None:
    """Make what this process writes from now on unreadable for others, and for the group too where there is none."""
    global _users_umask
    before = os.umask(0o027 if group else 0o077)
    if _users_umask is None:
        _users_umask = before


@contextmanager
def users_umask() -> Iterator[None]:
    """Write with the user's own umask: for a file that goes where the user says, outside of the workspace."""
    before = os.umask(0o022 if _users_umask is None else _users_umask)
    if _users_umask is None:
        os.umask(before)
    try:
        yield
    finally:
        os.umask(before)


def close_folder(folder: Path, group: str | None) -> None:
    """Take a folder's access from others, and give it to the group; a folder of somebody else's stays as it is.

    Raises:
        WorkspaceError: There is no such group, or its owner is not in it.
    """
    with suppress(FileNotFoundError):
        status = folder.stat()
        mine = status.st_uid == os.geteuid() and os.access(folder, os.W_OK)  # in a user namespace all have one number
        if not mine:
            return
        if group is not None and status.st_gid != (number := _number_of(group)):
            try:
                os.chown(folder, -1, number)
            except OSError:
                raise WorkspaceError(
                    f"{folder} cannot be given to the group {group!r}: you are not in it; name one of yours in "
                    "`group` of workspace.json"
                ) from None
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode & OWNER if group is None else mode & OWNER | GROUP
        if mode != wanted:
            with suppress(OSError):  # a file system that cannot be written, or keeps no modes
                folder.chmod(wanted)


def close_file(file: Path) -> None:
    """Make a file the owner's alone; made when it is not there. One of somebody else's stays as it is."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_WRONLY, PRIVATE_FILE))
        return
    with suppress(OSError):  # a file system that cannot be written, or keeps no modes
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            file.chmod(PRIVATE_FILE)


def _number_of(group: str) -> int:
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise WorkspaceError(f"group {group!r} of the workspace: this machine has no such group") from None

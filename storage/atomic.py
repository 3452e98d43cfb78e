"""Files and folders that are there whole or not at all: written beside their place, then renamed into it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `target` when the body ends; when it fails, `target` is as it was.

    Raises:
        OSError: The file cannot be renamed.
    """
    making = target.with_name(f".{target.name}.making")
    try:
        yield making
        making.replace(target)
    finally:
        making.unlink(missing_ok=True)


def write_text(target: Path, text: str, *, mode: int = 0o666, synced: bool = False) -> None:
    """Write text to a file, all of it or nothing.

    Args:
        target: The file.
        text: What it holds then.
        mode: Who may use it, less what the umask takes away; from its first byte on.
        synced: Wait until it is on the disk, so that it survives a power cut too.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_file(target) as making:
        making.unlink(missing_ok=True)  # what a process that died left has its own mode
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if synced:
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes `target` when the body ends; when it fails, nothing is left of it.

    Raises:
        OSError: The folder cannot be renamed: `target` is there, and not empty.
    """
    making = target.with_name(f".{target.name}.making")
    shutil.rmtree(making, ignore_errors=True)  # what a process that died left
    making.mkdir(parents=True)
    try:
        yield making
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)

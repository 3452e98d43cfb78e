"""Files that are there whole or not at all: written beside their place, then renamed into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(target: Path) -> Iterator[Path]:
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


def write_whole(target: Path, text: str) -> None:
    """Write text to a file, all of it or nothing.

    Raises:
        OSError: It cannot be written.
    """
    with whole(target) as making:
        making.write_text(text, encoding="utf-8")

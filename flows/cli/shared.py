"""What the commands share: options, errors as sentences, JSON."""

import errno
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from storage.lake.lake import Lake
    from storage.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder of the workspace [default: $NIGHTSCHOOL_WORKSPACE or .nightschool]"),
]
RecipeArgument = Annotated[Path, typer.Argument(help="A recipe, for example recipes/nightly.yaml")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a value of the recipe: problems.limit=500", metavar="KEY=VALUE"),
]
DateOption = Annotated[str | None, typer.Option("--date", help="Logical date, YYYY-MM-DD [default: today, UTC]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RepinOption = Annotated[
    bool,
    typer.Option(
        "--repin", help="Go on although something changed since the first start of the night, or of its training."
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

_ELSEWHERE = "name a place that you may use"
_REMEDIES = {
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.ENOTDIR: _ELSEWHERE,
    errno.EISDIR: "name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "remove the link",
    errno.EEXIST: "move it away",
    errno.EIO: "the disk fails: see to it, then run the same command again",
    errno.ENOSPC: "make room; the same command goes on where it stopped",
    errno.EDQUOT: "make room; the same command goes on where it stopped",
    errno.EADDRINUSE: "the port is taken; name another with --port",
}
"""What to do about an error of the operating system that a user can mend."""


STOPPED = 130
"""Exit status of what Ctrl-C ended."""


@contextmanager
def sentences() -> Iterator[None]:
    """Turn the errors a user can meet into one sentence and exit code 1."""
    from storage.errors import NightschoolError

    try:
        yield
    except NightschoolError as error:
        from flows.report.terminal import visible

        typer.secho(f"error: {visible(str(error))}", fg="red", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on where it stopped", fg="yellow", err=True)
        raise typer.Exit(STOPPED) from None
    except BrokenPipeError:
        sys.stdout = None
        raise typer.Exit(0) from None
    except OSError as error:
        from flows.report.terminal import visible

        if error.errno not in _REMEDIES:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        typer.secho(f"error: {visible(what)}; {_REMEDIES[error.errno]}", fg="red", err=True)
        raise typer.Exit(1) from None


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal, after a second, what is waited for and for how long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(f"{what}, Ctrl-C stops"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(what, total=None)
    later = threading.Timer(1.0, progress.start)
    later.daemon = True
    later.start()
    try:
        yield
    finally:
        later.cancel()
        later.join()
        progress.stop()


def open_workspace(root: Path | None) -> "Workspace":
    """Open the workspace of `--workspace`, or the usual one.

    Raises:
        WorkspaceError: There is none, or it cannot be used.
    """
    from storage.workspace import Workspace

    return Workspace.open(root or Workspace.default_root())


def create_workspace(root: Path | None, **options: Any) -> "Workspace":
    """Open the workspace of `--workspace`, or the usual one; make it when it is not there.

    Args:
        root: Its folder.
        **options: As `Workspace.create` has them.

    Raises:
        WorkspaceError: It cannot be made or used.
    """
    from storage.workspace import Workspace

    return Workspace.create(root or Workspace.default_root(), **options)


@contextmanager
def open_lake(root: Path | None, *, read_only: bool = True) -> Iterator["Lake"]:
    """Open the lake of the workspace of `--workspace`, or of the usual one.

    Raises:
        LakeError: It cannot be opened.
        WorkspaceError: There is no workspace, or no lake in it.
    """
    from storage.lake.lake import Lake

    with Lake(open_workspace(root), read_only=read_only) as lake:
        yield lake


def today(date: str | None) -> str:
    """Return a logical date as YYYY-MM-DD; without one, today's (UTC)."""
    from datetime import UTC, datetime

    from flows.night.dates import check_date

    return check_date(date or datetime.now(UTC).date().isoformat())


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know becomes text, NaN and infinity null."""
    from flows.report.json_text import to_json

    typer.echo(to_json(value, indent=2))

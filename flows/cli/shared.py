"""What the commands share: options, errors as sentences, JSON."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

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
    bool, typer.Option("--repin", help="Go on although something changed since the night's first start.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

_NOT_YOURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


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
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stdout = None
        raise typer.Exit(0) from None
    except OSError as error:
        if error.errno not in _NOT_YOURS:
            raise
        typer.secho(f"error: {error.filename}: {error.strerror}; name a place that you may use", fg="red", err=True)
        raise typer.Exit(1) from None


def today(date: str | None) -> str:
    """Return a logical date as YYYY-MM-DD; without one, today's (UTC)."""
    from datetime import UTC, datetime

    from flows.night.dates import check_date

    return check_date(date or datetime.now(UTC).date().isoformat())


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know becomes text, NaN and infinity null."""
    from flows.report.json_text import to_json

    typer.echo(to_json(value, indent=2))

"""The command line, `nightschool`: `commands/` has a file per group of commands; beside it is what several of them share."""

import contextlib
import os
import signal
import sys
from typing import Annotated

import typer

from flows.cli.commands import (
    alarms,
    compare,
    doctor,
    evaluate,
    explain,
    judge,
    lake,
    lake_check,
    ledger,
    methods,
    model,
    night,
    parts,
    recipe,
    release,
    report,
    reverify,
    review,
    schedules,
    serve,
    sql,
    ui,
    up,
)
from flows.cli.shared import STOPPED

__all__ = ["STOPPED", "app", "main"]

app = typer.Typer(
    name="nightschool",
    help="Teach language models at night: write reasoning data, check it, release it, retrain, promote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nightschool {version('nightschool')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and leave.", is_eager=True, callback=_say_version)
    ] = False,
) -> None: ...


for group in (
    night,
    up,
    ui,
    report,
    evaluate,
    compare,
    judge,
    reverify,
    doctor,
    sql,
    explain,
    methods,
    parts,
    schedules,
    recipe,
    serve,
):
    app.add_typer(group.app)
app.add_typer(model.app, name="model")
app.add_typer(release.app, name="release")
app.add_typer(review.app, name="review")
app.add_typer(alarms.app, name="alarms")
app.add_typer(ledger.app, name="ledger")
app.add_typer(lake.app, name="lake")
lake.app.command("check")(lake_check.lake_check)


def main() -> None:
    """Run the command line."""
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # two spinning OpenMP threads on shared cores are a hundred times slower
    for name in (signal.SIGTERM, signal.SIGINT):  # asyncio's own handler of SIGINT waits for the next await
        signal.signal(name, _interrupt)
    for argument in sys.argv[1:]:
        if not argument.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in argument):
            typer.secho(
                f"error: argument {argument.encode(errors='replace').decode()!r} is no UTF-8", fg="red", err=True
            )
            raise SystemExit(2)
    try:
        app()
    except SystemExit as leaving:
        if leaving.code == STOPPED:
            _leave_at_once()
        raise


def _leave_at_once() -> None:
    """End the process without Python's own end, in which Prefect's coroutines would start threads that never begin.

    Nothing is lost by it: whatever counts is on the disk before anything is said of it, since a kill comes without a warning.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(STOPPED)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt

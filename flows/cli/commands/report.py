"""`nightschool report`: what a night made, what it cost, what became of the model, and what needs a person."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_lake, print_json, sentences

app = typer.Typer()


@app.command()
def report(
    night: Annotated[
        str | None, typer.Argument(help="A date, or date/recipe where several ran [default: the night begun last]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write [default: reports/ of the workspace]")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the morning report of a night: one HTML file that needs no network. Nights write it by themselves."""
    with sentences():
        from flows.report import gather, write_report
        from storage.lake.overview import find_night

        with open_lake(root) as lake:
            identity = find_night(lake, night)
            if as_json:
                print_json(gather(lake, identity))
                return
            path = write_report(lake, identity, out)
        typer.echo(str(path))
        if open_it:
            typer.launch(path.resolve().as_uri())

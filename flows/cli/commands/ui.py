"""`nightschool ui`: the window, to look at data and to judge it."""

from typing import Annotated

import typer

from flows.cli.shared import WorkspaceOption, open_workspace, sentences

app = typer.Typer()


@app.command()
def ui(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one [default: 4210]")
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Who reviews [default: $NIGHTSCHOOL_REVIEWER, or the account's name]")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    root: WorkspaceOption = None,
) -> None:
    """Look at rows, nights, releases and models in a browser, and accept or reject rows by hand, until Ctrl-C.

    It listens on 127.0.0.1 and answers who has the token of the address that it prints; while it runs, the same command prints
    the address again.
    """
    with sentences():
        from flows.report.window import PORT, Opened, opened_window
        from flows.window.serve import reviewer_name, serve

        workspace = open_workspace(root)

        def ready(window: Opened) -> None:
            typer.echo(window.first)
            if open_it:
                typer.launch(window.first)

        if (running := opened_window(workspace)) is not None:
            ready(running)
            return
        serve(workspace, PORT if port is None else port, reviewer_name(reviewer), ready)

"""`nightschool why` and `lineage`: where a row or a model comes from."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_workspace, print_json, sentences

app = typer.Typer()


@app.command()
def why(
    sample: Annotated[str, typer.Argument(help="A sample id, or the beginning of one.")],
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a row was accepted or rejected: every verdict, the row it resembles, the calls behind it."""
    with sentences():
        from flows.report.explain import print_why
        from flows.report.explain import why as explain

        provenance = explain(open_workspace(root), sample)
        if as_json:
            print_json(provenance)
        else:
            print_why(provenance)


@app.command()
def lineage(
    identity: Annotated[
        str,
        typer.Argument(metavar="ID", help="A checkpoint (`student` is today's), or a row; the beginning is enough."),
    ],
    root: WorkspaceOption = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Of a checkpoint: every row it read, with the calls behind it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Walk from a checkpoint to the rows it read and the calls behind them, or from a row to the checkpoints that read it."""
    with sentences():
        from flows.report.explain import lineage_of, print_lineage

        walk = lineage_of(open_workspace(root), identity, rows=rows)
        if as_json:
            print_json(walk)
        else:
            print_lineage(walk)

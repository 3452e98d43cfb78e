"""`nightschool lake check`: whether commits, files, releases and ledger are whole and agree."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, QuietOption, WorkspaceOption, open_workspace, print_json, sentences


def lake_check(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Hash every file of the lake and of the history index, and every checkpoint, as well."
        ),
    ] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check catalogue, commits, references, files, funnel, releases, ledger, index and checkpoints; exit code 1 for a fault."""
    with sentences():
        from storage.upkeep.check import check_workspace

        say = (lambda step: None) if quiet else (lambda step: typer.echo(f"{step} ...", err=True))
        faults = check_workspace(open_workspace(root), say, deep=deep)
        wrong = [line for lines in faults.values() for line in lines]
        if as_json:
            print_json({"wrong": wrong, "checks": {name: len(lines) for name, lines in faults.items()}})
        else:
            typer.echo("\n".join(wrong) or "nothing is wrong")
        if wrong:
            raise typer.Exit(1)

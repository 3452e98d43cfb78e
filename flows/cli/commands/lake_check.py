"""`nightschool lake check`: whether commits, files, releases and ledger are whole and agree."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, QuietOption, WorkspaceOption, open_lake, print_json, sentences


def lake_check(
    deep: Annotated[bool, typer.Option("--deep", help="Hash the weights of every checkpoint as well.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check commits, references, files, the funnel, releases, the ledger, the index and checkpoints; exit code 1 for a fault."""
    with sentences():
        from storage.upkeep.check import run_checks

        with open_lake(root) as lake:
            faults = run_checks(
                lake,
                (lambda step: None) if quiet else (lambda step: typer.echo(f"{step} ...", err=True)),
                deep=deep,
            )
        wrong = [line for lines in faults.values() for line in lines]
        if as_json:
            print_json({"wrong": wrong, "checks": {name: len(lines) for name, lines in faults.items()}})
        else:
            typer.echo("\n".join(wrong) or "nothing is wrong")
        if wrong:
            raise typer.Exit(1)

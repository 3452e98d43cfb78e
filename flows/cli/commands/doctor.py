"""`nightschool doctor`: whether everything a night needs is there."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, print_json, sentences

app = typer.Typer()


@app.command()
def doctor(
    recipe: Annotated[Path | None, typer.Option("--recipe", help="Look at the models of this recipe too.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also import torch and name the device it trains on.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at environment, versions, Prefect, lake, ledger, disk, GPU, vLLM: each a line, ok, warn or fail, with the remedy.

    Nothing is changed, and no credential is shown. The exit code is 1 when something fails.
    """
    with sentences():
        from flows.doctor.doctor import examine, print_lines
        from storage.workspace import Workspace

        lines = examine(root or Workspace.default_root(), recipe, deep=deep)
        if as_json:
            print_json([line.to_json() for line in lines])
        else:
            print_lines(lines)
        if any(line.level == "fail" for line in lines):
            raise typer.Exit(1)

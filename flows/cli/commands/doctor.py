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
        from flows.doctor.doctor import examine, print_findings
        from storage.workspace import Workspace

        findings = examine(root or Workspace.default_root(), recipe, deep=deep)
        if as_json:
            print_json([finding.to_json() for finding in findings])
        else:
            print_findings(findings)
        if any(finding.level == "fail" for finding in findings):
            raise typer.Exit(1)

"""`nightschool release`: data sets by name and version."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, print_json, sentences

app = typer.Typer(help="Data sets by name and version.", no_args_is_help=True)


@app.command("list")
def release_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the releases with rows, commit and folder."""
    with sentences():
        from flows.summary import print_table
        from storage.releases import list_releases
        from storage.workspace import Workspace

        rows = list_releases(Workspace.open(workspace or Workspace.default_root()))
        if as_json:
            print_json(rows)
        else:
            print_table(["release_id", "rows", "at_seq", "night", "path"], rows)


@app.command("export")
def release_export(
    release: Annotated[str, typer.Argument(help="A release, reasoning@2, or the latest of a data set, reasoning.")],
    target: Annotated[Path, typer.Argument(help="File to write, .parquet or .jsonl.")],
    shape: Annotated[
        str, typer.Option(help="messages, prompt_completion, preference, prompt, stepwise or text (TRL's formats).")
    ] = "messages",
    workspace: WorkspaceOption = None,
) -> None:
    """Write the rows of a release in a shape that trainers read as they are."""
    with sentences():
        from storage.lake import Lake
        from storage.releases import get_release
        from storage.workspace import Workspace
        from synth.shapes import export, known_shape

        with Lake(Workspace.open(workspace or Workspace.default_root()), read_only=True) as lake:
            count = export(get_release(lake, release), known_shape(shape), target)
        typer.echo(f"{count:,} rows written to {target}")

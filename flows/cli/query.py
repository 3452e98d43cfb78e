"""`nightschool sql` and `why`: questions to the lake."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, print_csv, print_json, sentences

app = typer.Typer()


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT over the lake's tables and views.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the lake, read-only."""
    with sentences():
        from flows.summary import print_table
        from storage.errors import QueryError
        from storage.sql import run_sql
        from storage.workspace import Workspace

        if as_json and as_csv:
            raise QueryError("choose --json or --csv")
        table = run_sql(Workspace.open(workspace or Workspace.default_root()), statement)
        if as_json:
            print_json(table.to_pylist())
        elif as_csv:
            print_csv(table.column_names, table.to_pylist())
        else:
            print_table(table.column_names, table.to_pylist())


@app.command()
def why(
    sample: Annotated[str, typer.Argument(help="A sample id, or the beginning of one.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a row was accepted or rejected: every verdict, the row it resembles, the calls behind it."""
    with sentences():
        from flows.explain import print_why
        from flows.explain import why as explain
        from storage.workspace import Workspace

        story = explain(Workspace.open(workspace or Workspace.default_root()), sample)
        if as_json:
            print_json(story)
        else:
            print_why(story)

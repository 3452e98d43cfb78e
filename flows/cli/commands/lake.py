"""`nightschool lake`: making a lake, its state, and migration from an older version."""

from typing import Annotated

import typer

from flows.cli.commands import keeping, takedown
from flows.cli.shared import JsonOption, WorkspaceOption, create_workspace, open_workspace, print_json, sentences

app = typer.Typer(help="The lake: made, migrated, checked, kept, taken down from.", no_args_is_help=True)
app.add_typer(keeping.app)
app.command("takedown")(takedown.lake_takedown)


@app.command("init")
def lake_init(
    catalog: Annotated[
        str | None,
        typer.Option(help="PostgreSQL catalogue that machines share: postgres:host=... dbname=... [schema=...]"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Where its Parquet files go: s3://bucket/prefix, or a folder that machines share."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="A group of this machine that may read it [default: its owner alone]")
    ] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace, or join one machine more to a lake. Passwords and keys come from PG* and AWS_* variables only."""
    with sentences():
        from storage.lake.lake import Lake

        workspace = create_workspace(root, catalog=catalog, data=data, group=group)
        with Lake(workspace) as lake:
            if as_json:
                print_json(
                    {"workspace": str(workspace.root), "catalog": lake.catalog.described, "data": workspace.data_path}
                )
                return
            typer.echo(f"{workspace.root}: catalogue {lake.catalog.described}, files in {workspace.data_path}")


@app.command("migrate")
def lake_migrate(root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Bring the lake of an older version up to date, after a copy of its catalogue."""
    with sentences():
        from storage.lake.lake import Lake

        workspace = open_workspace(root)
        before = workspace.format
        Lake(workspace).close()
        formats = {"workspace": str(workspace.root), "format_before": before, "format": workspace.format}
        if as_json:
            print_json(formats)
        else:
            typer.echo(
                f"{workspace.root} has format {workspace.format}"
                + (f" (had {before})" if before != workspace.format else "")
            )


@app.command("leases")
def lake_leases(root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say who may do what only one may do at a time, and until when."""
    with sentences():
        from flows.report.summary import print_table
        from storage.catalog.catalog import catalog_of
        from storage.catalog.leases import list_leases

        workspace = open_workspace(root)
        rows = [lease.to_json() for lease in list_leases(catalog_of(workspace))]
        if as_json:
            print_json(rows)
        else:
            print_table(["name", "token", "purpose", "pid", "alive", "expires"], rows)

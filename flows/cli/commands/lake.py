"""`nightschool lake`: the lake's own affairs."""

from typing import Annotated

import typer

from flows.cli.commands import keeping, takedown
from flows.cli.shared import JsonOption, WorkspaceOption, print_json, sentences

app = typer.Typer(help="The lake's own affairs.", no_args_is_help=True)
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
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace, or join one machine more to a lake. Passwords and keys come from PG* and AWS_* variables only."""
    with sentences():
        from storage.lake.lake import Lake
        from storage.workspace import Workspace

        place = Workspace.create(workspace or Workspace.default_root(), catalog=catalog, data=data)
        with Lake(place) as lake:
            if as_json:
                print_json({"workspace": str(place.root), "catalog": lake.catalog.described, "data": place.data_path})
                return
            typer.echo(f"{place.root}: catalogue {lake.catalog.described}, files in {place.data_path}")


@app.command("migrate")
def lake_migrate(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Bring the lake of an older version up to date, after a copy of its catalogue."""
    with sentences():
        from storage.lake.lake import Lake
        from storage.workspace import Workspace

        place = Workspace.open(workspace or Workspace.default_root())
        before = place.format
        Lake(place).close()
        said = {"workspace": str(place.root), "format_before": before, "format": place.format}
        if as_json:
            print_json(said)
        else:
            typer.echo(
                f"{place.root} has format {place.format}" + (f" (had {before})" if before != place.format else "")
            )


@app.command("leases")
def lake_leases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say who may do what only one may do at a time, and until when."""
    with sentences():
        from flows.report.summary import print_table
        from storage.catalog.catalog import catalog_of
        from storage.catalog.leases import list_leases
        from storage.workspace import Workspace

        place = Workspace.open(workspace or Workspace.default_root())
        rows = [lease.to_json() for lease in list_leases(catalog_of(place))]
        if as_json:
            print_json(rows)
        else:
            print_table(["name", "token", "purpose", "pid", "alive", "expires"], rows)

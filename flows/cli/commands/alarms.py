"""`nightschool alarms`: nights that stopped before their release because a filter removed too much."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_lake, print_json, sentences

app = typer.Typer(help="Nights that stopped because a filter removed too much of a method.", no_args_is_help=True)


@app.command("list")
def alarms_list(root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List every alarm: what was removed of which method and why, and whether someone has accepted it."""
    with sentences():
        from filters.night.alarms import list_alarms
        from flows.report.summary import print_table

        with open_lake(root) as lake:
            rows = list_alarms(lake)
        if as_json:
            print_json(rows)
        else:
            print_table(["night", "method", "filter", "rows", "removed", "share", "reasons", "accepted", "note"], rows)


@app.command("accept")
def alarms_accept(
    night: Annotated[str, typer.Argument(help="The night that stopped, 2026-01-01/nightly.")],
    because: Annotated[str, typer.Option(help="Why it is as it should be; kept with the alarm.")] = "",
    root: WorkspaceOption = None,
) -> None:
    """Say that a night's alarms are as they should be; the night's own command then goes on to its release."""
    with sentences():
        from filters.night.alarms import accept_alarms

        with open_lake(root, read_only=False) as lake:
            accepted = accept_alarms(lake, night, because)
        for alarm in accepted:
            typer.echo(f"accepted: {alarm}")
        typer.echo("run the night's command again to go on" if accepted else f"night {night} has no open alarm")

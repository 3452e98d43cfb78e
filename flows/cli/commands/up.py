"""`nightschool up`: nights that run themselves, on one machine."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import (
    JsonOption,
    SetOption,
    WorkspaceOption,
    create_workspace,
    open_workspace,
    print_json,
    sentences,
)

app = typer.Typer()


@app.command()
def up(
    recipe: Annotated[Path, typer.Argument(help="The recipe of every night.")] = Path("recipes/nightly.yaml"),
    settings: SetOption = None,
    root: WorkspaceOption = None,
    cron: Annotated[
        str | None, typer.Option(help="When the night begins, in cron's words [default: 0 1 * * *]")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Where days begin, for example Europe/Berlin.")] = "UTC",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the Prefect server; 0 takes a free one.")] = 4200,
    status: Annotated[bool, typer.Option("--status", help="Say whether it runs, and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run Prefect's server, the deployments and their workers on this machine until Ctrl-C, which ends all of it.

    The night runs on its schedule, training when a release has changed enough, maintenance in between. What an earlier
    `up` or a killed run left behind is cleaned up first, with a line for each. Everything listens on 127.0.0.1, and the
    server asks for a password that is new at each start (prefect/login in the workspace).
    """
    with sentences():
        from flows.service.deployments import Plan
        from flows.service.record import status as service_status
        from flows.service.service import Service

        if status:
            service = service_status(open_workspace(root))
            if as_json:
                print_json(service)
            elif service["running"]:
                dead = [name for name, part in service["parts"].items() if not part["alive"]]
                typer.echo(f"up: {service['ui']}" + (f"; not alive: {', '.join(dead)}" if dead else ""))
                typer.echo(f"its pages ask for a password; it stands in {service['login_file']}")
            else:
                typer.echo(f"not running for {service['workspace']}")
            raise typer.Exit(0 if service["running"] else 1)
        from flows.service.orchestrator import settle

        settle()
        plan = Plan(recipe, settings or [], cron, timezone, port)
        plan.check()
        workspace = create_workspace(root)
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        Service(workspace, plan, lambda line: typer.echo(line, err=True)).run()

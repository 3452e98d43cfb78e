"""`nightschool run` and `plan`: one night, and what it would take."""

from typing import Annotated

import typer

from flows.cli.shared import (
    DateOption,
    JsonOption,
    QuietOption,
    RecipeArgument,
    RepinOption,
    SetOption,
    WorkspaceOption,
    create_workspace,
    print_json,
    sentences,
    today,
)

app = typer.Typer()


@app.command()
def run(
    recipe: RecipeArgument,
    settings: SetOption = None,
    date: DateOption = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Also every night from this date on that is not finished, oldest first."),
    ] = None,
    root: WorkspaceOption = None,
    train: Annotated[bool, typer.Option(help="Train afterwards when the data has changed enough.")] = True,
    repin: RepinOption = False,
    ray: Annotated[
        str | None,
        typer.Option("--ray", help="Run the shards on Ray: ray://host:10001, auto, or local. Needs the extra `ray`."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run one night, and the training that follows it.

    The same command again finishes what was interrupted and repeats nothing. After an outage, --since makes up for
    the nights that were left out, with the rows that they would have had.
    """
    with sentences():
        from flows.night.dates import nights_since
        from flows.recipe.recipe import load_recipe
        from flows.report.summary import print_night, print_training
        from flows.service.orchestrator import configure

        loaded = load_recipe(recipe, settings or [])
        day = today(date)
        workspace = create_workspace(root)
        for line in configure(workspace):
            typer.echo(line, err=True)
        from flows.cli.launch import run_flows

        dates = nights_since(since, day) if since else [day]
        trains = train and loaded.train is not None and bool(loaded.train.plan)
        results = run_flows(recipe, settings or [], dates, workspace, train=trains, repin=repin, quiet=quiet, ray=ray)
        if as_json:
            print_json(results if since else results[0])
            return
        for result in results:
            print_night(result["night"])
            if result["train"] is not None:
                print_training(result["train"])


@app.command()
def plan(
    recipe: RecipeArgument,
    settings: SetOption = None,
    date: DateOption = None,
    left_out: Annotated[
        bool,
        typer.Option(
            "--left-out", help="List every row of the sources that makes no problem, with what it asks and why."
        ),
    ] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a night would ask, take and cost at most, before anything is paid. Nothing is written."""
    with sentences():
        from flows.night.estimate import estimate
        from flows.night.night import planning_night
        from flows.recipe.recipe import load_recipe
        from flows.report.summary import print_left_out, print_plan
        from storage.workspace import Workspace

        loaded = load_recipe(recipe, settings or [])
        with planning_night(loaded, today(date), root or Workspace.default_root()) as night:
            result = estimate(night)
        if as_json:
            print_json(result)
        elif left_out:
            print_left_out(result)
        else:
            print_plan(result)

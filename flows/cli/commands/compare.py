"""`nightschool compare`: which data, or which way to train on it, is worth its tokens."""

import typer

from flows.cli.shared import (
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    WorkspaceOption,
    create_workspace,
    print_json,
    sentences,
    today,
)

app = typer.Typer()


@app.command()
def compare(
    recipe: RecipeArgument,
    settings: SetOption = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train one small model per arm of a recipe's `experiment`, at equal tokens and over several seeds, and compare them.

    Arms are SQL conditions over a release, settings of the training, or both. Table and plot are kept in the workspace; the same
    command again makes only what is missing.
    """
    with sentences():
        from flows.night.experiment import run_experiment, shown
        from flows.night.night import open_night
        from flows.recipe.recipe import load_recipe
        from flows.report.progress import Progress
        from flows.report.summary import print_table

        loaded = load_recipe(recipe, settings or [])
        workspace = create_workspace(root)
        with open_night(loaded, today(None), workspace, Progress(quiet=quiet), "experiment") as night:
            table = run_experiment(night)
        if as_json:
            print_json(table)
            return
        rows = shown(table)
        print_table(list(rows[0]), rows, title=f"{table['items']} held-out problems, 95 % intervals")
        typer.echo(f"table and plot: {workspace.root / table['folder']}")

"""`nightschool review`: fair samples of rows for people to judge, and how far people agree with what was decided."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import (
    JsonOption,
    SetOption,
    WorkspaceOption,
    open_lake,
    open_workspace,
    print_json,
    sentences,
    today,
)

app = typer.Typer(help="Fair samples for people to judge, and how far they agree.", no_args_is_help=True)


@app.command("sample")
def review_sample(
    method: Annotated[str | None, typer.Option(help="Draw from the rows of this method [default: all methods]")] = None,
    n: Annotated[int, typer.Option("--n", help="How many rows.")] = 100,
    seed: Annotated[int, typer.Option(help="Another seed draws other rows.")] = 0,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deal a fair sample of decided rows, accepted and rejected alike; `nightschool ui` shows it without the decisions."""
    with sentences():
        from flows.report.window import opened_window, window_url
        from storage.lake.reviews import dealt, draw

        with open_lake(root, read_only=False) as lake:
            draw_id = draw(lake, method, n, seed)
            rows = len(dealt(lake, draw_id))
            runs = opened_window(lake.workspace) is not None
            address = f"{window_url(lake.workspace)}/rows?draw={draw_id}"
        if as_json:
            return print_json({"draw_id": draw_id, "rows": rows, "address": address})
        typer.echo(f"{draw_id}: {rows:,} rows; {address}" + ("" if runs else " (after `nightschool ui`)"))


@app.command("apply")
def review_apply(
    recipe: Annotated[Path, typer.Argument(help="Recipe whose policy says what reviews decide.")],
    settings: SetOption = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let reviews take effect now, as `policy.METHOD.reviews` says; the next night of the recipe does it by itself."""
    with sentences():
        from flows.night.night import open_night
        from flows.nightly import let_people_decide, one_at_a_time
        from flows.recipe.recipe import load_recipe
        from flows.report.progress import Progress

        loaded = load_recipe(recipe, settings or [])
        opening = open_night(loaded, today(None), open_workspace(root), Progress(quiet=True), "review")
        with opening as night, one_at_a_time(night, "decision") as lease:
            applied = let_people_decide(night, lease)
        if as_json:
            return print_json(asdict(applied))
        typer.echo(
            f"{applied.entered:,} rows come in, {applied.left:,} leave, {applied.waiting:,} wait for somebody to accept them"
        )


@app.command("agreement")
def review_agreement(
    night: Annotated[str | None, typer.Option(help="Only rows of this night, date or date/recipe.")] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far people agree with the policy, by method, and with each filter that failed a reviewed row, with intervals."""
    with sentences():
        from flows.report.agreement import people_agree
        from flows.report.numbers import share
        from flows.report.summary import print_table
        from storage.lake.overview import find_night

        with open_lake(root) as lake:
            agreement = people_agree(lake, find_night(lake, night) if night else None)
        if as_json:
            return print_json(agreement)
        if not agreement["policy"]:
            typer.echo("no decided row has been reviewed yet; `nightschool review sample` deals some")
            return
        for name, columns in (
            ("policy", ["method", "dealt", "rows", "agreement", "let_in", "turned_away"]),
            ("filters", ["filter", "decided", "agreement", "caught", "wrongly_failed"]),
        ):
            lines = [
                {
                    **row,
                    "agreement": f"{share(row['share'])} [{share(row['interval'][0])}, {share(row['interval'][1])}]",
                }
                for row in agreement[name]
            ]
            if lines:
                print_table(columns, [{column: line[column] for column in columns} for line in lines], title=name)

"""`nightschool reverify`: judge history again after a filter or a checker has changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.shared import (
    JsonOption,
    QuietOption,
    SetOption,
    WorkspaceOption,
    open_lake,
    open_workspace,
    print_json,
    sentences,
    today,
)

if TYPE_CHECKING:
    from flows.night.night import Night
    from storage.lake.lake import Lake

app = typer.Typer()


@app.command()
def reverify(
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="Only this filter; may be given several times [default: every one that has changed]"
        ),
    ] = None,
    night: Annotated[
        list[str] | None,
        typer.Option("--night", help="Only this night, a date or date/recipe; may be given several times."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="Only these rows: SQL condition over the columns of `samples` and of the problem (prompt, gold, ...)."
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            help="Its filters and policy hold for nights of its name, and rows that come in are looked at for its benchmarks "
            "[default: the rules that each night was pinned to]",
        ),
    ] = None,
    settings: SetOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Judge history again where a filter, or the judge of answers, has changed: from what is stored, no model is asked.

    New verdicts are appended, what was said before stays; releases that they overtake get a successor, and models that read
    rows which are rejected now are listed. Interrupted, the same command goes on.
    """
    with sentences():
        from filters.night.rejudge import judging_again
        from flows.night.night import code_version
        from flows.night.reverify_history import Request, carry_out, plan_reverify
        from flows.report.progress import Progress
        from flows.report.reverified import print_done, print_planned
        from storage.sql.rows import sample_ids_where

        chosen = judging_again(filters or ())
        ids = sample_ids_where(open_workspace(root), where) if where is not None else None
        with _opened(recipe, settings, root, write=False) as (lake, opened):
            planned = plan_reverify(lake, Request(chosen, night, ids, opened))
        if plan or planned["nothing"]:
            return print_json({"plan": planned}) if as_json else print_planned(planned)
        if not as_json:
            print_planned(planned)
        if not yes:
            typer.confirm("Judge history again, and make these releases?", abort=True, err=True)
        with _opened(recipe, settings, root, write=True) as (lake, opened):
            done = carry_out(lake, Request(chosen, night, ids, opened), Progress(quiet=quiet).say, code_version())
        print_json({"plan": planned, "done": done}) if as_json else print_done(done)


@contextmanager
def _opened(
    recipe: Path | None, settings: list[str] | None, root: Path | None, *, write: bool
) -> "Iterator[tuple[Lake, Night | None]]":
    """Open the lake, and the recipe at work where one is given."""
    if recipe is None:
        with open_lake(root, read_only=not write) as lake:
            yield lake, None
        return
    from flows.night.night import open_night, planning_night
    from flows.recipe.recipe import load_recipe
    from flows.report.progress import Progress

    loaded, workspace = load_recipe(recipe, settings or []), open_workspace(root)
    opening = (
        open_night(loaded, today(None), workspace, Progress(quiet=True), "reverify")
        if write
        else planning_night(loaded, today(None), workspace.root)
    )
    with opening as night:
        yield night.lake, night

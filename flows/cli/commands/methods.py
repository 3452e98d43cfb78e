"""`nightschool methods` and `try`: what there is, and one of them at work."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, SetOption, print_json, sentences

app = typer.Typer()


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="One method, with what its parameters mean.")] = None,
    all_published: Annotated[
        bool,
        typer.Option("--all", help="Every published method: what works, what is missing, what is left out and why."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the synthesis methods with their papers, roles and parameters."""
    with sentences():
        from storage.errors import RecipeError

        if all_published:
            if name:
                raise RecipeError(f"--all lists every published method: leave out {name!r}, or leave out --all")
            _published(as_json)
            return
        from flows.cli.methods_index import described
        from flows.report.summary import print_table
        from synth.methods import describe, get_method
        from synth.methods import methods as all_methods

        chosen = [get_method(name)] if name else list(all_methods().values())
        rows = [{**describe(item), **described(item)} for item in chosen]
        if as_json:
            print_json(rows)
            return
        if name:
            typer.echo(f"{name} ({rows[0]['paper']}): {rows[0]['summary']}")
            print_table(["name", "default", "about"], rows[0]["parameters"])
            return
        short = [
            {
                **{key: row[key] for key in ("name", "paper", "summary")},
                **{key: ", ".join(row[key]) for key in ("makes", "roles")},
                "parameters": ", ".join(part["name"] for part in row["parameters"]),
            }
            for row in rows
        ]
        print_table(["name", "makes", "roles", "paper", "parameters", "summary"], short)


def _published(as_json: bool) -> None:
    from flows.cli.papers import as_rows
    from flows.report.summary import print_table

    rows = as_rows()
    if as_json:
        print_json(rows)
    else:
        print_table(["name", "paper", "family", "state", "test"], rows)


@app.command(name="try")
def try_(
    method: Annotated[str, typer.Argument(help="A method, as `nightschool methods` lists them.")],
    problem: Annotated[str | None, typer.Option("--problem", help="The problem as text.")] = None,
    task: Annotated[str, typer.Option("--task", help="What kind of problem that is.")] = "math_word",
    gold: Annotated[str | None, typer.Option("--gold", help="Its gold answer.")] = None,
    solution: Annotated[str | None, typer.Option("--solution", help="Its worked solution, a step per line.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Draw the problem from here instead.")] = None,
    tier: Annotated[int | None, typer.Option("--tier", help="Tier of the problem drawn.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the draw.")] = 0,
    attempt: Annotated[str | None, typer.Option("--attempt", help="What the student answers, typed.")] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help="Whose models, prompts and parameters.")] = None,
    settings: SetOption = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Whose ledger and promoted model [default: none is kept]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run one method on one problem and show the whole dialogue; without a recipe the solver is the teacher."""
    with sentences():
        from flows.night.trial import given_problem, try_method
        from flows.report.trial import print_trial
        from storage.errors import RecipeError

        if problem is not None and source is not None:
            raise RecipeError("choose --problem or --source")
        for option, text in (("problem", problem), ("gold", gold), ("solution", solution), ("attempt", attempt)):
            if text is not None and not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
                raise RecipeError(f"--{option}: this is no UTF-8; write the text in UTF-8")
        lines = {
            name: text and text.replace("\\n", "\n") for name, text in (("attempt", attempt), ("solution", solution))
        }
        result = try_method(
            method,
            problem=(problem and given_problem(problem, task=task, gold=gold, solution=lines["solution"])) or None,
            source=source,
            tier=tier,
            seed=seed,
            recipe=recipe,
            settings=settings or [],
            attempt=lines["attempt"],
            workspace=workspace,
        )
        if as_json:
            print_json(result)
        else:
            print_trial(result)

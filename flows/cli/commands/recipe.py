"""`nightschool recipe`: every key of a recipe, with its default and meaning."""

from typing import Annotated

import typer

from flows.cli.shared import JsonOption, print_json, sentences

app = typer.Typer()


@app.command()
def recipe(
    part: Annotated[
        str | None,
        typer.Argument(help='A part: budget, model, "source gsm8k", "filter length"; without it, all of them.'),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which keys a recipe has, with defaults and meaning; --json gives a JSON schema."""
    with sentences():
        from flows.recipe.recipe import Recipe
        from flows.recipe.reference import section, sections
        from flows.report.summary import print_table
        from train_stages.reference import setting_rows

        if as_json:
            return print_json((section(part).model if part else Recipe).model_json_schema())
        if part is None:
            rows = [
                {"part": part.name, "written": part.where.replace("`", ""), "keys": ", ".join(part.model.model_fields)}
                for part in sections()
            ]
            return print_table(["part", "written", "keys"], rows)
        chosen = section(part)
        rows = [
            dict(zip(("key", "default", "meaning"), (text.replace("`", "") for text in row), strict=True))
            for row in setting_rows(chosen.model)
        ]
        print_table(["key", "default", "meaning"], rows, title=f"Keys of {chosen.where.replace('`', '')}")

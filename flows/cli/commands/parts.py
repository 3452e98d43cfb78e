"""`nightschool tasks`, `sources` and `filters`: what there is, and what each can do."""

from typing import Annotated, Any

import typer

from flows.cli.shared import JsonOption, print_json, sentences

app = typer.Typer()


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(help="One task, with an example of its source.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the tasks: what each can do, in what form its answers are, where its problems come from."""
    with sentences():
        from flows.report.parts import VERBS, describe_tasks

        rows = describe_tasks(name)
        short = [
            {
                "task": row["task"],
                "can": ", ".join(["check", *(verb for verb in VERBS if row[verb])]),
                "answers": row["answer_format"],
                "turns": ", ".join(row["environments"]),
                "tools": ", ".join(row["tools"]),
                "sources": ", ".join(row["sources"]),
                "summary": row["summary"],
            }
            for row in rows
        ]
        _show(rows, short, ["task", "can", "answers", "turns", "tools", "sources", "summary"], name, as_json)


@app.command()
def sources(
    name: Annotated[str | None, typer.Argument(help="One source, with its options and an example.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the sources of problems with their options; `reasoning_gym` lists the library's tasks."""
    with sentences():
        from flows.report.parts import describe_sources
        from flows.report.summary import print_table

        rows = describe_sources(name)
        short = [_with_options(row, ["source", "draws", "summary"]) for row in rows]
        _show(rows, short, ["source", "draws", "options", "summary"], name, as_json)
        if name and not as_json and "tasks" in rows[0]:
            listed = [
                {**row, "refused": row["refused"] or "", "inexact": row["inexact"] or ""} for row in rows[0]["tasks"]
            ]
            print_table(["name", "category", "tiers", "inexact", "refused"], listed)


@app.command()
def filters(
    name: Annotated[str | None, typer.Argument(help="One filter, with its options and an example.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the filters with what they look at and their options."""
    with sentences():
        from flows.report.parts import describe_filters

        rows = describe_filters(name)
        short = [_with_options(row, ["filter", "scope", "version", "summary"]) for row in rows]
        _show(rows, short, ["filter", "scope", "version", "options", "summary"], name, as_json)


def _with_options(row: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    return {**{key: row[key] for key in keys}, "options": ", ".join(option["name"] for option in row["options"])}


def _show(
    rows: list[dict[str, Any]], short: list[dict[str, Any]], columns: list[str], name: str | None, as_json: bool
) -> None:
    from flows.report.summary import print_table

    if as_json:
        print_json(rows)
        return
    if not name:
        print_table(columns, short)
        return
    typer.echo(f"{name}: {rows[0]['summary']}")
    if rows[0].get("options"):
        print_table(["name", "default", "about"], rows[0]["options"])
    elif "options" not in rows[0]:
        print_table(columns, short)
    if rows[0]["example"]:
        typer.echo(f"\n{rows[0]['example']}")

"""`nightschool sql`, `why` and `lineage`: questions to the lake."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_workspace, print_json, sentences

if TYPE_CHECKING:
    from storage.workspace import Workspace

app = typer.Typer()


@app.command()
def sql(
    statement: Annotated[
        str | None, typer.Argument(help="One SELECT over the lake's tables and views; without it, a prompt.")
    ] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="CSV for a spreadsheet: an apostrophe before texts that it would compute."),
    ] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write the rows to this new Parquet file.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="The lake as it stood at a commit (7), a date (2026-11-23) or a moment, UTC.")
    ] = None,
    example: Annotated[str | None, typer.Option(help="Run one of --examples, by its name or number.")] = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="List the questions people ask, with their SQL.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Say what the tables, views and columns mean.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a statement may take.")] = 300.0,
    memory: Annotated[int, typer.Option(min=256, help="MiB that a statement's process may hold in memory.")] = 2048,
    spill: Annotated[int, typer.Option(min=1, help="MiB that a statement may spill to the disk.")] = 16384,
) -> None:
    """Query the lake, read-only: one SELECT, a prompt with history and completion, or an example.

    Statements run in a process that is closed to the files and the network of this machine.
    """
    with sentences():
        from storage.errors import QueryError

        if as_json + (as_csv or spreadsheet) + (parquet is not None) > 1:
            raise QueryError("choose one of --json, --csv and --parquet")
        if schema:
            return _schema(statement, as_json)
        if examples:
            return _examples(as_json)
        workspace = open_workspace(root)
        if example is not None:
            from storage.sql.questions import question

            statement = question(example).sql
        limits: dict[str, Any] = {"as_of": as_of, "timeout": timeout, "memory": memory << 20, "spill": spill << 20}

        def run(text: str) -> None:
            csv = None if not (as_csv or spreadsheet) else "spreadsheet" if spreadsheet else "plain"
            _run(workspace, text, limits, as_json=as_json, csv=csv, parquet=parquet)

        if statement is None:
            return _interact(workspace, run)
        run(statement)


def _run(
    workspace: "Workspace",
    statement: str,
    limits: dict[str, Any],
    *,
    as_json: bool,
    csv: str | None,
    parquet: Path | None,
) -> None:
    from flows.report import rows
    from storage.sql.run import Answer

    with Answer(workspace, statement, **limits) as answer:
        if as_json:
            rows.write_json(answer)
        elif csv is not None:
            rows.write_csv(answer, spreadsheet=csv == "spreadsheet")
        elif parquet is not None:
            typer.echo(f"{rows.write_parquet(answer, parquet):,} rows written to {parquet}")
        else:
            rows.show(answer)


def _interact(workspace: "Workspace", run: Callable[[str], None]) -> None:
    """Read statements from the terminal, or one from a pipe."""
    import sys

    if not sys.stdin.isatty():
        return run(sys.stdin.read())
    from flows.cli.prompt import run_prompt

    def run_line(text: str) -> None:
        command, _, rest = text.partition(" ")
        if command == ".schema":
            _schema(rest.strip() or None, as_json=False)
        elif command == ".examples":
            _examples(as_json=False)
        elif command == ".example":
            from storage.sql.questions import question

            text = question(rest.strip()).sql
            typer.secho(text, dim=True)
            run(text)
        else:
            run(text)

    run_prompt(run_line, workspace.root / "sql_history", typer.echo)


def _schema(name: str | None, as_json: bool) -> None:
    from dataclasses import asdict

    from flows.report.rows import show_schema
    from storage.sql.describe import describe

    relations = describe(name)
    if as_json:
        print_json([asdict(relation) for relation in relations])
    else:
        show_schema(relations)


def _examples(as_json: bool) -> None:
    from storage.sql.questions import QUESTIONS

    if as_json:
        return print_json([example._asdict() for example in QUESTIONS])
    for number, example in enumerate(QUESTIONS, 1):
        typer.secho(f"{number}. {example.name}: {example.words}", bold=True)
        typer.echo("   " + example.sql.replace("\n", "\n   "))


@app.command()
def why(
    sample: Annotated[str, typer.Argument(help="A sample id, or the beginning of one.")],
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a row was accepted or rejected: every verdict, the row it resembles, the calls behind it."""
    with sentences():
        from flows.report.explain import print_why
        from flows.report.explain import why as explain

        provenance = explain(open_workspace(root), sample)
        if as_json:
            print_json(provenance)
        else:
            print_why(provenance)


@app.command()
def lineage(
    identity: Annotated[
        str,
        typer.Argument(metavar="ID", help="A checkpoint (`student` is today's), or a row; the beginning is enough."),
    ],
    root: WorkspaceOption = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Of a checkpoint: every row it read, with the calls behind it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Walk from a checkpoint to the rows it read and the calls behind them, or from a row to the checkpoints that read it."""
    with sentences():
        from flows.report.explain import lineage_of, print_lineage

        walk = lineage_of(open_workspace(root), identity, rows=rows)
        if as_json:
            print_json(walk)
        else:
            print_lineage(walk)

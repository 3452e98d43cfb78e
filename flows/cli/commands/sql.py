"""`nightschool sql`: one SELECT, a prompt, or one of the questions people ask."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_workspace, print_json, sentences, waiting

if TYPE_CHECKING:
    from storage.workspace import Workspace

app = typer.Typer()


class Mode(StrEnum):
    """How the rows of a statement are drawn."""

    auto = "auto"
    table = "table"
    vertical = "vertical"
    json = "json"
    csv = "csv"


@app.command()
def sql(
    statement: Annotated[
        str | None,
        typer.Argument(
            help="One SELECT over the lake's tables and views, or a command of the prompt (.help); without it, what is piped in, "
            "or a prompt."
        ),
    ] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="CSV for a spreadsheet: an apostrophe before texts that it would compute."),
    ] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write the rows to this new Parquet file.")] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="How rows are drawn; auto: few rows that do not fit beside each other stand as `vertical`."),
    ] = Mode.auto,
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

        if as_json + (as_csv or spreadsheet) + (parquet is not None) + (mode is not Mode.auto) > 1:
            raise QueryError("choose one of --json, --csv, --parquet and --mode")
        mode = Mode.json if as_json else Mode.csv if as_csv or spreadsheet else mode
        if schema:
            return _schema(statement, as_json)
        if examples:
            return _examples(as_json)
        workspace = open_workspace(root)
        if example is not None:
            from storage.sql.questions import question

            statement = question(example).sql
        limits: dict[str, Any] = {"as_of": as_of, "timeout": timeout, "memory": memory << 20, "spill": spill << 20}

        def run(text: str, mode: Mode = mode) -> None:
            _run(workspace, text, limits, mode, spreadsheet=spreadsheet, parquet=parquet)

        session = Session(run, mode)
        if statement is not None:
            return session(statement)
        if not sys.stdin.isatty():
            return session.script(sys.stdin.read())
        from flows.cli.prompt import run_prompt

        run_prompt(session, workspace.root / "sql_history", typer.echo)


def _run(
    workspace: "Workspace",
    statement: str,
    limits: dict[str, Any],
    mode: Mode,
    *,
    spreadsheet: bool = False,
    parquet: Path | None = None,
) -> None:
    from flows.report import rows
    from storage.sql.run import Answer

    with waiting("running"):
        answer = Answer(workspace, statement, **limits)
    with answer:
        if parquet is not None:
            typer.echo(f"{rows.write_parquet(answer, parquet):,} rows written to {parquet}")
        elif mode is Mode.json:
            rows.write_json(answer)
        elif mode is Mode.csv:
            rows.write_csv(answer, spreadsheet=spreadsheet)
        else:
            rows.show(answer, mode)


class Session:
    """What the prompt does with a line: a statement is run, a command that begins with a dot is done."""

    def __init__(self, run: Callable[[str, Mode], None], mode: Mode) -> None:
        self._run, self._mode = run, mode

    def __call__(self, text: str) -> None:
        """Do one line.

        Raises:
            QueryError: There is no such command or mode, or the statement fails.
        """
        from flows.cli.prompt import COMMANDS, HELP, LEAVE
        from storage.errors import QueryError
        from storage.sql.describe import describe
        from storage.sql.questions import question
        from storage.unknown_names import unknown

        command, _, rest = text.strip().partition(" ")
        rest = rest.strip()
        match command:
            case ".help":
                typer.echo(HELP)
            case ".tables":
                typer.echo("\n".join(f"{relation.name:22} {relation.comment}" for relation in describe()))
            case ".schema":
                _schema(rest or None, as_json=False)
            case ".examples":
                _examples(as_json=False)
            case ".example":
                example = question(rest)
                typer.secho(example.sql, dim=True)
                self._run(example.sql, self._mode)
            case ".mode":
                if rest and rest not in list(Mode):
                    raise QueryError(unknown("mode", rest, list(Mode)))
                self._mode = Mode(rest) if rest else self._mode
                typer.echo(f"mode {self._mode}")
            case _ if command in LEAVE:
                return
            case _ if command.startswith("."):
                raise QueryError(unknown("command", command, COMMANDS))
            case _:
                self._run(text, self._mode)

    def script(self, text: str) -> None:
        """Do what was piped in: statements that end with a semicolon, and commands on lines of their own.

        Raises:
            QueryError: As for a line; what comes after it is not done. Nothing was piped in.
        """
        from flows.cli.prompt import LEAVE, lines_of
        from storage.errors import QueryError

        lines = list(lines_of(text))
        if not lines:
            raise QueryError(
                "standard input is empty; give one SELECT as an argument, or run this on a terminal for a prompt"
            )
        for line in lines:
            if line.strip() in LEAVE:
                return
            self(line)


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

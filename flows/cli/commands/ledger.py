"""`nightschool ledger`: every finished model call of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, create_workspace, open_workspace, print_json, sentences

app = typer.Typer(help="Every finished model call of this machine.", no_args_is_help=True)


@app.command("check")
def ledger_check(
    root: WorkspaceOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Publish again what the lake has lost.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the ledger with the lake's `calls`; exit code 1 when something is missing or different."""
    with sentences():
        from flows.report.summary import print_table
        from storage.catalog.catalog import catalog_of
        from storage.lake.lake import Lake
        from storage.ledger import published
        from storage.ledger.ledger import Ledger

        workspace = open_workspace(root)
        only_read = not repair and catalog_of(workspace).exists()
        with Ledger(workspace.ledger) as ledger, Lake(workspace, read_only=only_read) as lake:
            ledger.must_be_whole()
            if repair:
                published.repair(ledger, lake)
                published.publish(ledger, lake)
            result = published.check(ledger, lake)
        if as_json:
            print_json(result.to_json())
        else:
            print_table(["what", "calls"], [{"what": name, "calls": value} for name, value in result.to_json().items()])
        if not result.agree:
            raise typer.Exit(1)


@app.command("import")
def ledger_import(
    file: Annotated[Path, typer.Argument(help="JSONL of generations, or the output file of an OpenAI batch.")],
    model: Annotated[str, typer.Option("--model", help="Who wrote them.", metavar="NAME@REVISION")],
    requests: Annotated[Path | None, typer.Option("--requests", help="The batch's input file.")] = None,
    temperature: Annotated[float, typer.Option(min=0, help="For lines that do not say it.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="For lines that do not say it.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="For lines that do not say it.")] = 1024,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring generations made elsewhere into the ledger, as if they had been made here; all of a file, or nothing."""
    with sentences():
        from storage.ledger.ledger import Ledger
        from synth.engines.base import Sampling
        from synth.imports.generations import import_calls

        workspace = create_workspace(root)
        with Ledger(workspace.ledger) as ledger:
            result = import_calls(
                ledger, file, model=model, requests=requests, defaults=Sampling(temperature, max_tokens, top_p)
            )
        if as_json:
            print_json(result.to_json())
        else:
            typer.echo(", ".join(f"{name} {value:,}" for name, value in result.to_json().items()))

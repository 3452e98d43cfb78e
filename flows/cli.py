"""The command line, `nightschool`. Heavy imports wait until a command needs them."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="nightschool",
    help="Teach language models at night: write reasoning data, check it, release it, retrain, promote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
release_app = typer.Typer(help="Data sets by name and version.", no_args_is_help=True)
app.add_typer(release_app, name="release")
ledger_app = typer.Typer(help="Every finished model call of this machine.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder of the workspace [default: $NIGHTSCHOOL_WORKSPACE or .nightschool]"),
]
RecipeArgument = Annotated[Path, typer.Argument(help="A recipe, for example recipes/nightly.yaml")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a value of the recipe: problems.limit=500", metavar="KEY=VALUE"),
]
DateOption = Annotated[str | None, typer.Option("--date", help="Logical date, YYYY-MM-DD [default: today, UTC]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RepinOption = Annotated[
    bool, typer.Option("--repin", help="Go on although something changed since the night's first start.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn the errors a user can meet into one sentence and exit code 1."""
    from storage.errors import NightschoolError

    try:
        yield
    except NightschoolError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on where it stopped", fg="yellow", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stdout = None
        raise typer.Exit(0) from None


def _today(date: str | None) -> str:
    from datetime import UTC, datetime

    from flows.night import check_date

    return check_date(date or datetime.now(UTC).date().isoformat())


@app.command()
def run(
    recipe: RecipeArgument,
    settings: SetOption = None,
    date: DateOption = None,
    workspace: WorkspaceOption = None,
    train: Annotated[bool, typer.Option(help="Train afterwards when the data has changed enough.")] = True,
    repin: RepinOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run one night, and the training that follows it.

    The same command again finishes what was interrupted and repeats nothing.
    """
    with _sentences():
        from flows.orchestrator import configure
        from flows.recipe import load_recipe
        from flows.summary import print_night, print_training
        from storage.workspace import Workspace

        loaded = load_recipe(recipe, settings or [])
        day = _today(date)
        place = Workspace.create(workspace or Workspace.default_root())
        configure(place)
        from flows.launch import run_flows

        results = run_flows(
            recipe, settings or [], day, place, train=train and loaded.train is not None, repin=repin, quiet=quiet
        )
        if as_json:
            _print_json(results)
            return
        print_night(results["night"])
        if results.get("train") is not None:
            print_training(results["train"])


@app.command()
def plan(
    recipe: RecipeArgument,
    settings: SetOption = None,
    date: DateOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a night would ask, take and cost at most, before anything is paid. Nothing is written."""
    with _sentences():
        from flows.estimate import estimate
        from flows.night import planning_night
        from flows.recipe import load_recipe
        from flows.summary import print_plan
        from storage.workspace import Workspace

        loaded = load_recipe(recipe, settings or [])
        with planning_night(loaded, _today(date), workspace or Workspace.default_root()) as night:
            result = estimate(night)
        if as_json:
            _print_json(result)
        else:
            print_plan(result)


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT over the lake's tables and views.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Query the lake, read-only."""
    with _sentences():
        from flows.summary import print_table
        from storage.errors import QueryError
        from storage.sql import run_sql
        from storage.workspace import Workspace

        if as_json and as_csv:
            raise QueryError("choose --json or --csv")
        table = run_sql(Workspace.open(workspace or Workspace.default_root()), statement)
        if as_json:
            _print_json(table.to_pylist())
        elif as_csv:
            _print_csv(table.column_names, table.to_pylist())
        else:
            print_table(table.column_names, table.to_pylist())


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="One method, with what its parameters mean.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the synthesis methods with their papers, roles and parameters."""
    with _sentences():
        from flows.summary import print_table
        from synth.methods import describe, get_method
        from synth.methods import methods as all_methods

        chosen = [get_method(name)] if name else list(all_methods().values())
        rows = [describe(item) for item in chosen]
        if as_json:
            _print_json(rows)
            return
        if name:
            typer.echo(f"{name} ({rows[0]['paper']}): {rows[0]['summary']}")
            print_table(["name", "default", "about"], rows[0]["parameters"])
            return
        short = [
            {
                **{key: row[key] for key in ("method", "paper", "summary")},
                **{key: ", ".join(row[key]) for key in ("makes", "roles")},
                "parameters": ", ".join(part["name"] for part in row["parameters"]),
            }
            for row in rows
        ]
        print_table(["method", "makes", "roles", "paper", "parameters", "summary"], short)


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
    with _sentences():
        from flows.trial import given_problem, print_trial, try_method
        from storage.errors import RecipeError

        if problem is not None and source is not None:
            raise RecipeError("choose --problem or --source")
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
            _print_json(result)
        else:
            print_trial(result)


@app.command("serve-model")
def serve_model(
    checkpoint: Annotated[Path, typer.Argument(help="A Hugging Face folder.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[str | None, typer.Option(help="Name to serve it under [default: the folder's name].")] = None,
    max_model_len: Annotated[int | None, typer.Option(help="Longest prompt and completion, in tokens.")] = None,
) -> None:
    """Serve a checkpoint with vLLM, with the right flags for this device, until Ctrl-C. Needs `make vllm`."""
    with _sentences():
        from synth.engines.vllm_command import (
            ServerOptions,
            check_checkpoint,
            serve_command,
            serve_environment,
            vllm_python,
        )

        python, folder = vllm_python(), checkpoint.absolute()
        check_checkpoint(folder)
        options = ServerOptions(max_model_len=max_model_len)
        command = serve_command(python, folder, name or folder.name, options, host, port)
        os.execve(command[0], command, serve_environment(python, options))  # noqa: S606 - becomes the server


@app.command()
def why(
    sample: Annotated[str, typer.Argument(help="A sample id, or the beginning of one.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a row was accepted or rejected: every verdict, the row it resembles, the calls behind it."""
    with _sentences():
        from flows.explain import print_why
        from flows.explain import why as explain
        from storage.workspace import Workspace

        story = explain(Workspace.open(workspace or Workspace.default_root()), sample)
        if as_json:
            _print_json(story)
        else:
            print_why(story)


@release_app.command("list")
def release_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the releases with rows, commit and folder."""
    with _sentences():
        from flows.summary import print_table
        from storage.releases import list_releases
        from storage.workspace import Workspace

        rows = list_releases(Workspace.open(workspace or Workspace.default_root()))
        if as_json:
            _print_json(rows)
        else:
            print_table(["release_id", "rows", "at_seq", "night", "path"], rows)


@release_app.command("export")
def release_export(
    release: Annotated[str, typer.Argument(help="A release, reasoning@2, or the latest of a data set, reasoning.")],
    target: Annotated[Path, typer.Argument(help="File to write, .parquet or .jsonl.")],
    shape: Annotated[
        str, typer.Option(help="messages, prompt_completion, preference, prompt, stepwise or text (TRL's formats).")
    ] = "messages",
    workspace: WorkspaceOption = None,
) -> None:
    """Write the rows of a release in a shape that trainers read as they are."""
    with _sentences():
        from storage.lake import Lake
        from storage.releases import get_release
        from storage.workspace import Workspace
        from synth.shapes import export, known_shape

        with Lake(Workspace.open(workspace or Workspace.default_root()), read_only=True) as lake:
            count = export(get_release(lake, release), known_shape(shape), target)
        typer.echo(f"{count:,} rows written to {target}")


@ledger_app.command("check")
def ledger_check(
    workspace: WorkspaceOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Publish again what the lake has lost.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the ledger with the lake's `calls`; exit code 1 when something is missing or different."""
    with _sentences():
        from flows.summary import print_table
        from storage import published
        from storage.lake import Lake
        from storage.ledger import Ledger
        from storage.workspace import Workspace

        place = Workspace.open(workspace or Workspace.default_root())
        with Lake(place) as lake, Ledger(place.ledger) as ledger:
            if repair:
                published.repair(ledger, lake)
                published.publish(ledger, lake)
            result = published.check(ledger, lake)
        if as_json:
            _print_json(result.to_json())
        else:
            print_table(["what", "calls"], [{"what": name, "calls": value} for name, value in result.to_json().items()])
        if not result.agree:
            raise typer.Exit(1)


@ledger_app.command("import")
def ledger_import(
    file: Annotated[Path, typer.Argument(help="JSONL of generations, or the output file of an OpenAI batch.")],
    model: Annotated[str, typer.Option("--model", help="Who wrote them.", metavar="NAME@REVISION")],
    requests: Annotated[Path | None, typer.Option("--requests", help="The batch's input file.")] = None,
    temperature: Annotated[float, typer.Option(min=0, help="For lines that do not say it.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="For lines that do not say it.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="For lines that do not say it.")] = 1024,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring generations made elsewhere into the ledger, as if they had been made here; all of a file, or nothing."""
    with _sentences():
        from storage.ledger import Ledger
        from storage.workspace import Workspace
        from synth.engines.base import Sampling
        from synth.imports import import_calls

        place = Workspace.create(workspace or Workspace.default_root())
        with Ledger(place.ledger) as ledger:
            result = import_calls(
                ledger, file, model=model, requests=requests, defaults=Sampling(temperature, max_tokens, top_p)
            )
        if as_json:
            _print_json(result.to_json())
        else:
            typer.echo(", ".join(f"{name} {value:,}" for name, value in result.to_json().items()))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _print_csv(columns: list[str], rows: list[Mapping[str, Any]]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: json.dumps(value, default=str) if isinstance(value, list | dict) else value
                for name, value in row.items()
            }
        )


def main() -> None:
    """Run the command line."""
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # two spinning OpenMP threads on shared cores are a hundred times slower
    signal.signal(signal.SIGTERM, _interrupt)
    app()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()

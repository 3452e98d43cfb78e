"""`nightschool model`: the registry of checkpoints."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_lake, print_json, sentences

app = typer.Typer(help="Checkpoints: what there is, which one is the student, and back.", no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(help="`student`, an id or its beginning, or the name of a folder.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]


@app.command("list")
def model_list(root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the checkpoints, newest first."""
    with sentences(), open_lake(root) as lake:
        from flows.report.summary import print_table
        from storage.models.registry import list_checkpoints

        rows = list_checkpoints(lake)
        if as_json:
            print_json(rows)
            return
        columns = ["checkpoint", "stage", "parent", "release_id", "night", "decisions", "student", "path"]
        for row in rows:
            row |= {"checkpoint": row["checkpoint_id"][:12], "parent": (row["parent"] or "")[:12]}
            row |= {"decisions": ", ".join(row["decisions"]), "student": "*" if row["student"] else ""}
            row["path"] = row["path"] if row["here"] else f"{row['path']} (removed)"
        print_table(columns, rows)


@app.command("show")
def model_show(model: ModelArgument, root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a checkpoint: configuration, metrics, what it was trained from, decisions, accuracy on each set."""
    with sentences(), open_lake(root) as lake:
        from flows.report.summary import print_table
        from storage.models.registry import describe, resolve

        checkpoint = describe(lake, resolve(lake, model))
        if as_json:
            print_json(checkpoint)
            return
        for name in (
            "checkpoint_id",
            "stage",
            "student",
            "release_id",
            "night",
            "code_version",
            "created_at",
            "folder",
        ):
            typer.echo(f"{name:14}{checkpoint[name]}")
        for name in ("metrics", "config"):
            text = ", ".join(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
                             for key, value in checkpoint[name].items())  # fmt: skip
            typer.echo(f"{name:14}{text}")
        typer.echo(f"{'trained from':14}{' <- '.join(parent[:12] for parent in checkpoint['ancestors']) or 'nothing'}")
        for decision in checkpoint["decisions"]:
            who = "candidate" if decision["candidate"] == checkpoint["checkpoint_id"] else "incumbent"
            typer.echo(f"{decision['decision']:14}as {who}, {decision['night'] or 'by a person'}: {decision['reason']}")
        if checkpoint["accuracy"]:
            print_table(
                ["set_version", "task", "tier", "mode", "judge", "items", "answers", "accuracy"], checkpoint["accuracy"]
            )


@app.command("compare")
def model_compare(
    incumbent: ModelArgument,
    candidate: ModelArgument,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two checkpoints on every set that both have answered. Nothing is asked anew, nothing decided."""
    with sentences(), open_lake(root) as lake:
        from flows.report.compared import compare_checkpoints
        from flows.report.summary import print_table
        from storage.models.registry import resolve

        rows = compare_checkpoints(lake, resolve(lake, incumbent), resolve(lake, candidate))
        if as_json:
            print_json(rows)
        else:
            print_table(["set", "group", "items", "before", "after", "gained", "lost", "p"], rows)


@app.command("promote")
def model_promote(
    model: ModelArgument,
    reason: ReasonOption,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse what waits instead.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Promote what does not wait, without evidence.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide about a checkpoint that waits for a person; what is promoted is the next night's student."""
    with sentences(), open_lake(root, read_only=False) as lake:
        from storage.models.registry import approve, resolve

        identity = resolve(lake, model)
        decision = approve(lake, identity, reason=reason, by=getpass.getuser(), anyway=anyway, refuse=refuse)
        if as_json:
            print_json({"checkpoint_id": identity, "decision": decision})
        else:
            typer.echo(f"{identity[:12]} {decision}")


@app.command("rollback")
def model_rollback(
    reason: ReasonOption,
    to: Annotated[str | None, typer.Option("--to", help="An earlier student [default: the one before].")] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier student the student again; it is recorded, and nothing is removed."""
    with sentences(), open_lake(root, read_only=False) as lake:
        from storage.models.registry import resolve, roll_back

        before, after = roll_back(lake, reason=reason, by=getpass.getuser(), to=resolve(lake, to) if to else None)
        if as_json:
            print_json({"before": before.id, "student": after.id, "path": str(after.path)})
        else:
            typer.echo(f"the student is {after.id[:12]} again ({after.path}), it was {before.id[:12]}")


@app.command("export")
def model_export(
    model: ModelArgument,
    target: Annotated[Path, typer.Argument(help="A folder that does not exist.")],
    adapter: Annotated[bool, typer.Option("--adapter", help="Only the adapter, without what is beneath it.")] = False,
    root: WorkspaceOption = None,
) -> None:
    """Copy a checkpoint to a folder that any program reads; an adapter is merged into what is beneath it."""
    with sentences(), open_lake(root) as lake:
        from storage.models.adapters import export
        from storage.models.checkpoints import find_checkpoint
        from storage.models.registry import resolve

        checkpoint = find_checkpoint(lake, resolve(lake, model))
        export(checkpoint.path, target, adapter=adapter)
        typer.echo(f"{checkpoint.id[:12]} is in {target}")


@app.command("prune")
def model_prune(
    keep: Annotated[int, typer.Option(min=0, help="Newest checkpoints that stay in any case.")] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed, and why the rest stays.")
    ] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove folders of checkpoints that were never promoted and that no promoted one was trained from."""
    with sentences(), open_lake(root, read_only=dry_run) as lake:
        from dataclasses import asdict

        from flows.report.summary import print_table
        from storage.models.retention import prune, retention

        folders = retention(lake, keep=keep)
        going = sum(item.remove for item in folders)
        rows = [
            {"checkpoint": item.checkpoint_id[:12], "stage": item.stage, "night": item.night, "MB": round(item.size / 1e6, 1),
             "fate": "remove" if item.remove else "stay", "why": item.why}
            for item in folders
        ]  # fmt: skip
        if not as_json:
            print_table(["checkpoint", "stage", "night", "MB", "fate", "why"], rows)
        freed = 0 if dry_run else prune(lake, folders)
        if as_json:
            print_json({"folders": [asdict(item) for item in folders], "freed": freed, "dry_run": dry_run})
        else:
            typer.echo(f"would remove {going}" if dry_run else f"removed {going}, {freed / 1e6:.1f} MB freed")

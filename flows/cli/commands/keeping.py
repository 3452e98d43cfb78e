"""`nightschool lake maintain`, `compact`, `backup`, `restore`: how the lake is kept."""

from typing import Annotated, Any

import typer

from flows.cli.shared import JsonOption, QuietOption, WorkspaceOption, open_lake, open_workspace, print_json, sentences

app = typer.Typer()

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("maintain")
def lake_maintain(
    root: WorkspaceOption = None,
    keep_days: Annotated[
        int, typer.Option(min=1, help="Days that old snapshots, replaced files and maintenance's own back-ups stay.")
    ] = 7,
    orphans: Annotated[
        bool,
        typer.Option("--orphans", help="Remove also many orphans, and those outside the workspace; see --dry-run."),
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Finish takedowns, back the catalogue up, merge small files, expire old snapshots, remove what nothing needs."""
    with sentences():
        from flows.report.progress import Progress
        from flows.report.write import write_report
        from storage.lake.maintenance import maintain_lake
        from storage.takedown.carry_out import resume

        say = Progress(quiet=quiet).say
        with open_lake(root, read_only=False) as lake:
            if not dry_run:
                resume(lake, say=say, rewrite=write_report)
            done = maintain_lake(lake, keep_days=keep_days, dry_run=dry_run, orphans=orphans, say=say)
        if as_json:
            print_json(done)
            return
        _print_compaction(done["compaction"], dry_run)
        expiry, cleaning, would = done["expiry"], done["cleaning"], "to be " if dry_run else ""
        typer.echo(f"snapshots: {expiry['snapshots_expired']:,} {would}expired, {expiry['snapshots_kept']:,} kept")
        typer.echo(
            f"files {would}removed: {cleaning['files_removed']:,} replaced, {cleaning['orphans_removed']:,} orphaned"
            f" ({cleaning['bytes_removed'] / 1e6:,.1f} MB), {len(cleaning['backups_removed'])} old back-ups"
            f", {len(cleaning['exports_removed'])} exports moved aside"
        )
        if cleaning["orphans_held"]:
            typer.echo(f"{cleaning['orphans_held']:,} orphaned files stay: {cleaning['held_because']}")
        if done["backup"]:
            typer.echo(f"back-up: {done['backup']}")


@app.command("compact")
def lake_compact(
    root: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Merge small files and nothing else; the files they replace stay until `nightschool lake maintain` removes them."""
    with sentences():
        from flows.report.progress import Progress
        from storage.lake.maintenance import compact_lake

        with open_lake(root, read_only=False) as lake:
            done = compact_lake(lake, dry_run=dry_run, say=Progress(quiet=quiet).say)
        if as_json:
            print_json(done)
        else:
            _print_compaction(done, dry_run)


@app.command("backup")
def lake_backup(
    root: WorkspaceOption = None,
    name: Annotated[str | None, typer.Option(help="Begins the folder's name; letters, digits, - and _.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy the catalogue to a new folder of `backups/`; copy the Parquet files with any tool."""
    with sentences():
        from flows.report.progress import Progress
        from storage.catalog.backup import back_up, find_backup

        with open_lake(root, read_only=False) as lake:
            Progress(quiet=quiet).say(f"back-up of {lake.catalog.described}")
            with lake.lock():
                folder = back_up(lake.workspace, lake.catalog, name)
            copy = find_backup(lake.workspace, folder.name)
        if as_json:
            print_json(
                {"backup": copy.name, "folder": str(folder), "commits": copy.commits, "files": len(copy.lake_files)}
            )
        else:
            typer.echo(f"{folder}: {copy.commits:,} commits, naming {len(copy.lake_files):,} files of the lake")


@app.command("restore")
def lake_restore(
    backup: Annotated[str, typer.Argument(help="A name in `backups/`, or a folder.")],
    root: WorkspaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Although commits made since are lost to the lake.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put the catalogue of a back-up in place of the one that is there, of which a back-up is made first."""
    with sentences():
        from flows.report.progress import Progress
        from flows.report.write import write_report
        from storage.upkeep.restore import restore

        Progress(quiet=quiet).say(f"restore of {backup}: checking it")
        done = restore(open_workspace(root), backup, force=force, dry_run=dry_run, rewrite=write_report)
        if as_json:
            print_json(done.to_json())
            return
        count = {
            name: "?" if n is None else f"{n:,}" for name, n in (("was", done.commits_before), ("is", done.commits))
        }
        typer.echo(
            f"{done.backup} {'can be restored' if dry_run else 'is restored'}: {count['is']} commits; before: {count['was']}"
        )
        for takedown in done.takedowns:
            typer.echo(f"takedown {takedown} was made since, and was carried out again")
        if done.kept:
            typer.echo(f"what was there is kept in {done.kept}")


def _print_compaction(figures: dict[str, Any], dry_run: bool) -> None:
    if dry_run:
        merged = ", ".join(figures["tables"]) or "none"
        typer.echo(
            f"files: {figures['files_before']:,}; to be merged: {figures['bytes_to_merge'] / 1e6:,.1f} MB ({merged})"
        )
    else:
        typer.echo(
            f"files: {figures['files_before']:,} before, {figures['files_after']:,} after "
            f"({figures['bytes_before'] / 1e6:,.1f} MB before, {figures['bytes_after'] / 1e6:,.1f} MB after)"
        )

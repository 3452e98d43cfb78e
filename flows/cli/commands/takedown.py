"""`nightschool lake takedown`: removal of rows and problems for good."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from flows.cli.shared import JsonOption, QuietOption, WorkspaceOption, open_lake, print_json, sentences

_SHOWN = 5


def lake_takedown(
    samples: Annotated[list[str] | None, typer.Argument(help="Sample ids.", show_default=False)] = None,
    problem: Annotated[
        list[str] | None, typer.Option(help="A problem's id: everything made from it goes; may be given several times.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="SQL condition over the columns of `samples` and of the problem (prompt, gold, ...); not kept."
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the record. It is kept: do not quote what goes.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish what was interrupted; names nothing new.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and do nothing.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove rows or problems for good: from tables, releases, ledger, index, reports, back-ups; say which models read them."""
    with sentences():
        from flows.report.progress import Progress
        from flows.report.write import write_report
        from storage.errors import LakeError
        from storage.takedown import carry_out as carrying
        from storage.takedown.plan import plan_takedown

        with open_lake(root, read_only=False) as lake:
            say = Progress(quiet=quiet).say
            if resume:
                if samples or problem or where is not None:
                    raise LakeError("--resume finishes what was begun; name rows without it")
                finished = carrying.resume(lake, say=say, rewrite=write_report)
                print_json(finished) if as_json else typer.echo(
                    "\n".join(f"takedown {takedown['takedown_id']} is done" for takedown in finished)
                    or "nothing to finish"
                )
                return
            plan = plan_takedown(lake, because=reason or "", samples=samples or (), problems=problem or (), where=where)
            shown = plan.to_json()
            if not as_json:
                _print_plan(shown)
            if dry_run:
                if as_json:
                    print_json({"plan": shown})
                return
            if not yes:
                typer.confirm("Remove all this for good?", abort=True, err=True)
            outcome = carrying.take_down(lake, plan.takedown, say=say, rewrite=write_report)
        if as_json:
            print_json({"plan": shown, **outcome})
        else:
            _print_done(outcome)


def _print_plan(plan: Mapping[str, Any]) -> None:
    lines = [
        f"takedown {plan['takedown_id']}: {len(plan['sample_ids']):,} rows, {len(plan['problem_ids']):,} problems, "
        f"{len(plan['call_ids']):,} calls",
        _named("rows that go because they hold the same as one of these", plan["copies"]),
        _named("releases that get a successor without them", plan["releases"]),
        _named("back-ups that go, since they hold the text", plan["backups"]),
        _named("calls that stay, since another row needs them", [f"{c} ({s})" for c, s in plan["kept_calls"].items()]),
        _named(
            "rows that stay, though near-duplicates of one that goes; name them too if they must go", plan["similar"]
        ),
        _named("rows that stay, though they quote the problem; name them too if they must go", plan["quoting"]),
    ]
    for row in plan["checkpoints"]:
        how = "itself" if row["itself"] else "through an ancestor"
        lines.append(
            f"model {row['checkpoint_id']} ({row['stage']}{', promoted' if row['promoted'] else ''}) read {row['rows']:,} of the "
            f"rows, {how}; its weights stay as they are"
        )
    typer.echo("\n".join(line for line in lines if line))


def _named(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN:,} more (--json lists them)" if len(names) > _SHOWN else ""
    return f"{len(names):,} {what}: {', '.join(names[:_SHOWN])}{more}"


def _print_done(outcome: Mapping[str, Any]) -> None:
    purged = outcome["purged"]
    typer.echo(f"removed: {', '.join(f'{table} {rows:,}' for table, rows in outcome['removed'].items())}")
    for release, successor in outcome["successors"].items():
        typer.echo(f"{release} is redacted; in its place: {successor or 'nothing, no row is left'}")
    typer.echo(
        f"purged: {purged['files_removed']:,} files of the lake, {purged['calls_removed']:,} calls of the ledger, "
        f"{purged['index_removed']:,} indexes, {purged['reports_rewritten']:,} reports written again, "
        f"{purged['reports_removed']:,} removed, {len(purged['backups_removed']):,} back-ups; new back-up: {purged['backup']}"
    )
    if purged["orphans_left"]:
        typer.echo(
            f"{purged['orphans_left']:,} orphaned files outside the workspace may hold the text; another lake may share the "
            "place: look with `nightschool lake maintain --dry-run`, then --orphans"
        )
    if purged["statistics_left"]:
        typer.echo(
            "PostgreSQL's samples of the catalogue may hold the text, and this role may not rewrite them: let the owner of the "
            "database run `vacuum (full) pg_catalog.pg_statistic`"
        )
    typer.echo(
        'models that read the rows: `nightschool sql "select * from exposed where takedown_id = '
        f"'{outcome['takedown_id']}'\"`"
    )
